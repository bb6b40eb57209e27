//! The server API forbids users to log in or to publish, for a while.

use std::net::IpAddr;

use express_messages::codes;
use express_messages::ids::UserId;
use express_signalling::protocol::WireError;

use super::expiring::Expiring;
use super::orders::until_ms;
use super::records::RoomKey;
use super::{Now, RoomsState};
use crate::rooms::admin::{
    AdminCall, AdminFault, DeleteUserRule, Forbids, ListUserRules, Order, RuleTarget, SetUserRule, UserRule,
};

/// Rules of one AppID and one kind of target (documented).
const MAX_RULES: usize = 200;
/// The same about addresses (documented).
const MAX_ADDRESS_RULES: usize = 100;
/// Rules of all AppIDs together.
pub(super) const MAX_RULES_IN_ALL: usize = 100_000;

/// The rules of all AppIDs.
pub(super) type Rules = Expiring<(u32, RuleTarget), Forbids>;

impl RoomsState {
    /// Whether a rule keeps this user, who comes from this address, from logging in to this room.
    pub(super) fn login_is_not_forbidden(
        &self,
        now: Now,
        room: &RoomKey,
        user: &UserId,
        from: Option<IpAddr>,
    ) -> Result<(), WireError> {
        if self.is_forbidden_to(now, room, (user, from), |forbids| forbids.login) {
            return Err(WireError::fatal(
                codes::FORBID_BLACK_USER,
                "the user may not log in for a while",
            ));
        }
        Ok(())
    }

    /// Whether a rule keeps this user, who comes from this address, from publishing in this room.
    pub(super) fn publishing_is_not_forbidden(
        &self,
        now: Now,
        room: &RoomKey,
        user: &UserId,
        from: Option<IpAddr>,
    ) -> Result<(), WireError> {
        if self.is_forbidden_to(now, room, (user, from), |forbids| forbids.publish) {
            let message = "the user may not publish for a while";
            return Err(WireError::fatal(codes::PUBLISHER_MEDIA_SERVER_FORBID, message));
        }
        Ok(())
    }

    fn is_forbidden_to(
        &self,
        now: Now,
        (app_id, room): &RoomKey,
        (user, from): (&UserId, Option<IpAddr>),
        what: fn(&Forbids) -> bool,
    ) -> bool {
        let targets = [
            RuleTarget::Room(room.clone()),
            RuleTarget::User(user.clone()),
            RuleTarget::UserInRoom(room.clone(), user.clone()),
        ];
        let mut rules = targets
            .into_iter()
            .chain(from.map(|from| RuleTarget::Address(from.to_canonical())))
            .filter_map(|target| self.rules.get(&(*app_id, target), now.mono));
        rules.any(what)
    }

    fn rules_like(&self, now: Now, app_id: u32, target: &RuleTarget) -> usize {
        let kind = std::mem::discriminant(target);
        let rules = self.rules.iter(now.mono);
        rules
            .filter(|((of, target), ..)| *of == app_id && std::mem::discriminant(target) == kind)
            .count()
    }
}

impl AdminCall for SetUserRule {
    type Ok = ();

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        let key = (app_id, self.target);
        let is_new = state.rules.get(&key, now.mono).is_none();
        let in_all = state.rules.iter(now.mono).count();
        let most = match key.1 {
            RuleTarget::Address(_) => MAX_ADDRESS_RULES,
            _ => MAX_RULES,
        };
        if is_new && (in_all >= MAX_RULES_IN_ALL || state.rules_like(now, app_id, &key.1) >= most) {
            return Err(AdminFault::TooManyRules);
        }
        let until = now.mono.saturating_add(self.lasts);
        let order = Order::ForbidUser {
            target: key.1.clone(),
            forbids: self.forbids,
            until_ms: until_ms(now, self.lasts),
        };
        state.order(app_id, order);
        state.rules.insert(key, self.forbids, until, now.mono);
        Ok(())
    }
}

impl AdminCall for ListUserRules {
    type Ok = Vec<UserRule>;

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<Vec<UserRule>, AdminFault> {
        let own = state.rules.iter(now.mono).filter(|((of, _), ..)| *of == app_id);
        let mut rules: Vec<UserRule> = own
            .map(|((_, target), forbids, left)| UserRule {
                target: target.clone(),
                forbids: *forbids,
                left,
            })
            .collect();
        rules.sort_unstable_by(|one, other| one.target.cmp(&other.target));
        Ok(rules)
    }
}

impl AdminCall for DeleteUserRule {
    type Ok = ();

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        state.order(app_id, Order::AllowUser(self.target.clone()));
        let removed = state.rules.remove(&(app_id, self.target), now.mono);
        removed.map(|_| ()).ok_or(AdminFault::NoRule)
    }
}
