//! What a business server orders on one node holds on all: it is served there first, and told to the others.

use std::time::Duration;

use express_messages::ids::UserId;

use super::records::SessionKey;
use super::{Now, RoomsState};
use crate::rooms::admin::{
    AdminCall, AdminOrder, CloseRoom, DeleteStreamRule, DeleteUserRule, ForbidStream, KickUsers, Order, ResumeStream,
    SetStreamRule, SetUserRule,
};
use crate::rooms::cloud::Wish;

/// How long an order is kept for nodes that hear of it later, at most.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// The same of the closing of a room: for nodes that were cut off meanwhile.
const CLOSING_KEPT: Duration = Duration::from_secs(3_600);

impl RoomsState {
    /// Tells the other nodes an order that was served here.
    pub(super) fn order(&mut self, app_id: u32, order: Order) {
        if self.cloud.as_ref().is_some_and(|cloud| !cloud.obeys) {
            self.tell_order(app_id, order);
        }
    }

    /// The same of what follows here from an order, wherever that was given.
    pub(super) fn tell_order(&mut self, app_id: u32, order: Order) {
        let Some(cloud) = &self.cloud else { return };
        let at_ms = cloud.unix_ms;
        let in_a = |lasts: Duration| at_ms.saturating_add(super::ms(lasts.min(KEPT)));
        let until_ms = match &order {
            Order::ForbidUser { until_ms, .. } | Order::SilenceStream { until_ms, .. } => *until_ms,
            Order::Kick { .. } => in_a(Duration::from_secs(self.timings.kick_revokes_s)),
            Order::Close { .. } => in_a(CLOSING_KEPT),
            // What has no end, or ends what may stand anywhere.
            _ => in_a(KEPT),
        };
        self.wish(Wish::Order(AdminOrder {
            app_id,
            at_ms,
            until_ms,
            order,
        }));
    }

    /// Another node was ordered something some time ago, and this one hears of it now: what came about since then stays.
    pub(super) fn obey_kept(&mut self, now: Now, kept: AdminOrder) {
        let left = Duration::from_millis(kept.until_ms.saturating_sub(now.unix_ms));
        let app_id = kept.app_id;
        match &kept.order {
            Order::Kick {
                room_id,
                user_ids,
                reason,
            } => {
                let room = (app_id, room_id.clone());
                for user in user_ids {
                    if let Some(key) = self.session_in(&room, user) {
                        self.kick_earlier(key, kept.at_ms, reason);
                    }
                    self.revoke_until(now, &room, user.clone(), (kept.at_ms, left));
                }
            }
            Order::Close { room_id, reason, .. } => {
                let room = (app_id, room_id.clone());
                let members = self.rooms.get(&room).map(|room| room.members.clone());
                let mut kicked = Vec::new();
                for key in members.unwrap_or_default() {
                    kicked.extend(self.kick_earlier(key, kept.at_ms, reason));
                }
                // The node that was asked may not have known of them.
                self.tell_kicked(&room, &kicked, reason);
                for user in kicked {
                    self.revoke(now, &room, user);
                }
            }
            _ => self.obey(now, kept),
        }
    }

    /// Ends a session that began before the order; whose it was.
    fn kick_earlier(&mut self, key: SessionKey, at_ms: u64, reason: &str) -> Option<UserId> {
        let session = self.sessions.get(&key).filter(|session| session.login_ms <= at_ms)?;
        let user = session.user.user_id.clone();
        self.kick(key, reason);
        Some(user)
    }

    /// Another node was ordered something. What cannot be done here is no matter: who asked has been answered.
    pub(super) fn obey(&mut self, now: Now, AdminOrder { app_id, order, .. }: AdminOrder) {
        if let Some(cloud) = &mut self.cloud {
            cloud.obeys = true;
        }
        let until = |until_ms: u64| Duration::from_millis(until_ms.saturating_sub(now.unix_ms));
        match order {
            Order::Kick {
                room_id,
                user_ids,
                reason,
            } => self.serve_order(
                now,
                app_id,
                KickUsers {
                    room_id,
                    user_ids,
                    reason,
                },
            ),
            Order::Close {
                room_id,
                reason,
                tell_business,
            } => self.serve_order(
                now,
                app_id,
                CloseRoom {
                    room_id,
                    reason,
                    tell_business,
                },
            ),
            Order::ForbidUser {
                target,
                forbids,
                until_ms,
            } => {
                let lasts = until(until_ms);
                self.serve_order(now, app_id, SetUserRule { target, forbids, lasts });
            }
            Order::AllowUser(target) => self.serve_order(now, app_id, DeleteUserRule { target }),
            Order::SilenceStream {
                room_id,
                stream_id,
                audio,
                video,
                until_ms,
            } => {
                let rule = SetStreamRule {
                    room_id,
                    stream_id,
                    audio,
                    video,
                    lasts: until(until_ms),
                };
                self.serve_order(now, app_id, rule);
            }
            Order::HearStream { room_id, stream_id } => self.serve_order(now, app_id, DeleteStreamRule { room_id, stream_id }),
            Order::ForbidStream(order) => self.serve_order(now, app_id, ForbidStream(order)),
            Order::ResumeStream(order) => self.serve_order(now, app_id, ResumeStream(order)),
        }
        if let Some(cloud) = &mut self.cloud {
            cloud.obeys = false;
        }
    }

    fn serve_order<C: AdminCall>(&mut self, now: Now, app_id: u32, call: C) {
        if let Err(fault) = call.serve(self, now, app_id) {
            tracing::debug!(app_id, %fault, "an order of another node changes nothing here");
        }
    }
}

/// When something that lasts so long from now on is over, Unix milliseconds.
pub(super) fn until_ms(now: Now, lasts: Duration) -> u64 {
    now.unix_ms.saturating_add(super::ms(lasts))
}
