//! What each action does: parameters into questions to the rooms, their answers into `Data`.

use std::time::Duration;

use actix::Addr;
use express_messages::ids::UserId;
use serde_json::{Value, json};

use super::action::Action;
use super::fault::ApiFault;
use super::params::Params;
use crate::rooms::admin::*;
use crate::rooms::{Admin, RoomsActor};

/// Bytes of a `CustomReason`.
const MAX_REASON: usize = 256;
/// Users of one kick.
const MAX_KICKED: usize = 5;
/// Users, or rooms, that one call asks about, or writes to.
const MAX_NAMED: usize = 10;
/// Most users of a page, and how many it has unless it is said.
const MAX_PAGE: usize = 200;
/// The role of every user: all may publish whom their tokens let. The documented roles have no meaning for Express.
const ROLE: u32 = 1;
/// The longest rule, seconds.
const MAX_RULE_S: u64 = 86_400;
/// How long a rule about a stream lasts unless it is said (documented), seconds.
const USUAL_STREAM_RULE_S: u64 = 21_600;

/// `Data` of the answer, if the action has any.
pub(super) type Served = Result<Option<Value>, ApiFault>;

/// A call that was let in.
pub(super) struct Call<'a> {
    pub(super) rooms: &'a Addr<RoomsActor>,
    pub(super) app_id: u32,
    /// Unix milliseconds.
    pub(super) unix_ms: u64,
    pub(super) params: &'a Params,
}

impl Call<'_> {
    /// Does what is asked.
    ///
    /// # Errors
    /// The documented code.
    pub(super) async fn serve(&self, action: Action) -> Served {
        match action {
            Action::KickoutUser => self.kick().await,
            Action::CloseRoom => self.close().await,
            Action::DescribeUserList => self.user_list().await,
            Action::DescribeUsers => self.users().await,
            Action::DescribeUserNum => self.user_num().await,
            Action::DescribeSimpleStreamList => self.streams().await,
            Action::SendBroadcastMessage => self.broadcast().await,
            Action::SendBarrageMessage => self.barrage().await,
            Action::SendCustomCommand => self.command().await,
            Action::SetForbidUserRule => self.set_rule().await,
            Action::DescribeForbidUserRules => self.rules().await,
            Action::DelForbidUserRule => self.delete_rule().await,
            Action::SetForbidStreamRule => self.set_stream_rule().await,
            Action::DescribeForbidStreamRules => self.stream_rules().await,
            Action::DelForbidStreamRule => self.delete_stream_rule().await,
            Action::ForbidRTCStream => self.done(ForbidStream(self.order()?)).await,
            Action::ResumeRTCStream => self.done(ResumeStream(self.order()?)).await,
            Action::DescribeRTCStreamState => self.done(FindStream(self.order()?)).await,
        }
    }

    async fn ask<C: AdminCall>(&self, call: C) -> Result<C::Ok, ApiFault> {
        let app_id = self.app_id;
        match self.rooms.send(Admin { app_id, call }).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(ApiFault::new(ApiFault::FAILED, "the server stops")),
        }
    }

    /// The same for what has no `Data`.
    async fn done<C: AdminCall<Ok = ()>>(&self, call: C) -> Served {
        self.ask(call).await.map(|()| None)
    }

    fn reason(&self) -> Result<String, ApiFault> {
        self.params.text("CustomReason", MAX_REASON, ApiFault::TOO_LONG)
    }

    async fn kick(&self) -> Served {
        let user_ids: Vec<UserId> = self.params.ids("UserId", MAX_KICKED, ApiFault::TOO_MANY_USERS)?;
        if user_ids.is_empty() {
            return Err(ApiFault::param("UserId", "name one to five users as UserId[]"));
        }
        let kick = KickUsers {
            room_id: self.params.room()?,
            user_ids,
            reason: self.reason()?,
        };
        self.done(kick).await
    }

    async fn close(&self) -> Served {
        let close = CloseRoom {
            room_id: self.params.room()?,
            reason: self.reason()?,
            tell_business: self.params.flag("RoomCloseCallback")?,
        };
        let closed = self.done(close).await;
        closed.map_err(|fault| match fault.code {
            ApiFault::NO_ROOM => ApiFault::new(ApiFault::NO_ROOM_TO_CLOSE, fault.message),
            _ => fault,
        })
    }

    async fn user_list(&self) -> Served {
        let limit = self.params.number("Limit")?.unwrap_or(MAX_PAGE);
        if limit > MAX_PAGE {
            return Err(ApiFault::param("Limit", format!("at most {MAX_PAGE} users")));
        }
        let list = ListUsers {
            room_id: self.params.room()?,
            descending: match self.params.number("Mode")?.unwrap_or(0) {
                0 => false,
                1 => true,
                _ => return Err(ApiFault::param("Mode", "0 (first login first) or 1 (last login first)")),
            },
            limit: if limit == 0 { MAX_PAGE } else { limit },
            after: self.marker()?,
        };
        let page = self.ask(list).await?;
        let users = page
            .users
            .iter()
            .map(|user| json!({"UserId": user.user_id, "UserName": user.user_name, "UserRole": ROLE}));
        let marker = page.next.map(|next| format!("{}-{}", next.login_ms, next.user_id));
        Ok(Some(json!({
            "UserList": users.collect::<Vec<_>>(),
            "Marker": marker.unwrap_or_default(),
        })))
    }

    fn marker(&self) -> Result<Option<UserMarker>, ApiFault> {
        let Some(text) = self.params.one("Marker")?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let read = |(login_ms, user_id): (&str, &str)| {
            Some(UserMarker {
                login_ms: login_ms.parse().ok()?,
                user_id: user_id.to_owned(),
            })
        };
        let marker = text.split_once('-').and_then(read);
        marker
            .map(Some)
            .ok_or_else(|| ApiFault::param("Marker", "give the Marker of the last answer, or nothing"))
    }

    async fn users(&self) -> Served {
        let find = FindUsers {
            room_id: self.params.room()?,
            user_ids: self.params.ids("UserId", MAX_NAMED, ApiFault::TOO_MANY_USERS)?,
        };
        let found = self.ask(find).await?;
        let status = found.into_iter().map(|status| {
            json!({
                "UserId": status.user_id,
                "Status": u32::from(status.login_ms.is_some()),
                "LoginTime": status.login_ms.unwrap_or_default(),
                "UserRole": ROLE,
            })
        });
        Ok(Some(json!({"UserStatusList": status.collect::<Vec<_>>()})))
    }

    async fn user_num(&self) -> Served {
        let count = CountUsers {
            room_ids: self.params.ids("RoomId", MAX_NAMED, ApiFault::PARAM)?,
        };
        let counted = self.ask(count).await?;
        let counts = counted
            .into_iter()
            .map(|(room_id, users)| json!({"RoomId": room_id, "UserCount": users, "AdminUserCount": 0}));
        Ok(Some(json!({"UserCountList": counts.collect::<Vec<_>>()})))
    }

    async fn streams(&self) -> Served {
        let list = ListStreams {
            room_id: self.params.room()?,
        };
        let streams = self.ask(list).await?;
        let listed = streams.into_iter().map(|stream| {
            json!({
                "StreamId": stream.stream_id,
                "UserId": stream.user.user_id,
                "UserName": stream.user.user_name,
                "CreateTime": stream.created_ms,
                "StreamNumberId": stream.number,
            })
        });
        Ok(Some(json!({"StreamList": listed.collect::<Vec<_>>()})))
    }

    fn message(&self) -> Result<ServerBroadcast, ApiFault> {
        let category = self.params.number("MessageCategory")?.unwrap_or(1);
        if !(1..=2).contains(&category) {
            return Err(ApiFault::param("MessageCategory", "1 (system) or 2 (chat)"));
        }
        Ok(ServerBroadcast {
            room_id: self.params.room()?,
            from_user: self.params.user()?,
            message: self.params.message()?,
        })
    }

    async fn broadcast(&self) -> Served {
        let message_id = self.ask(self.message()?).await?;
        Ok(Some(json!({"MessageId": message_id})))
    }

    async fn barrage(&self) -> Served {
        let message_id = self.ask(ServerBarrage(self.message()?)).await?;
        Ok(Some(json!({"MessageId": message_id})))
    }

    async fn command(&self) -> Served {
        let command = ServerCommand {
            room_id: self.params.room()?,
            from_user: self.params.id("FromUserId")?,
            to_users: self.params.ids("ToUserId", MAX_NAMED, ApiFault::TOO_MANY_USERS)?,
            command: self.params.message()?,
        };
        let absent = self.ask(command).await?;
        let failed = absent
            .into_iter()
            .map(|user_id| json!({"Uid": user_id, "Code": ApiFault::USER_OFFLINE}));
        Ok(Some(json!({"FailUsers": failed.collect::<Vec<_>>()})))
    }

    /// Whom a rule is about: `RuleType` with the ids that it needs.
    fn target(&self) -> Result<RuleTarget, ApiFault> {
        match self.params.number("RuleType")? {
            Some(1) => Ok(RuleTarget::Address(self.params.address()?)),
            Some(2) => Ok(RuleTarget::Room(self.params.room()?)),
            Some(3) => Ok(RuleTarget::User(self.params.id("UserId")?)),
            Some(4) => Ok(RuleTarget::UserInRoom(self.params.room()?, self.params.id("UserId")?)),
            _ => Err(ApiFault::param(
                "RuleType",
                "1 (IP), 2 (RoomId), 3 (UserId) or 4 (RoomId and UserId)",
            )),
        }
    }

    fn forbids(&self) -> Result<Forbids, ApiFault> {
        let mut forbids = Forbids {
            login: false,
            publish: false,
        };
        for privilege in self.params.many("DisabledPrivilege") {
            match privilege.as_str() {
                "1" => forbids.login = true,
                "2" => forbids.publish = true,
                _ => return Err(ApiFault::param("DisabledPrivilege", "1 (login) or 2 (publish)")),
            }
        }
        if forbids.login || forbids.publish {
            return Ok(forbids);
        }
        Err(ApiFault::param(
            "DisabledPrivilege",
            "say what is forbidden: 1 (login), 2 (publish) or both",
        ))
    }

    async fn set_rule(&self) -> Served {
        let seconds = self.params.number("EffectiveTime")?.unwrap_or_default();
        if !(1..=MAX_RULE_S).contains(&seconds) {
            return Err(ApiFault::param("EffectiveTime", format!("1 to {MAX_RULE_S} seconds")));
        }
        let set = SetUserRule {
            target: self.target()?,
            forbids: self.forbids()?,
            lasts: Duration::from_secs(seconds),
        };
        self.ask(set).await?;
        let expires_s = (self.unix_ms / 1000).saturating_add(seconds);
        Ok(Some(json!({"ExpireTime": expires_s})))
    }

    async fn rules(&self) -> Served {
        let kind: Option<u32> = self.params.number("RuleType")?;
        let rules = self.ask(ListUserRules).await?;
        let wanted = rules.iter().filter(|rule| kind.is_none_or(|kind| kind == rule_type(rule)));
        let shown = wanted.map(|rule| shown(rule, self.unix_ms));
        Ok(Some(json!({"RuleList": shown.collect::<Vec<_>>()})))
    }

    async fn delete_rule(&self) -> Served {
        let delete = DeleteUserRule { target: self.target()? };
        self.done(delete).await
    }

    async fn set_stream_rule(&self) -> Served {
        let (audio, video) = (self.params.flag("DisableAudio")?, self.params.flag("DisableVideo")?);
        if !audio && !video {
            return Err(ApiFault::param(
                "DisableAudio",
                "say what is disabled: DisableAudio=1, DisableVideo=1 or both",
            ));
        }
        let seconds = self.params.number("EffectiveTime")?.unwrap_or(USUAL_STREAM_RULE_S);
        if seconds == 0 {
            return Err(ApiFault::param("EffectiveTime", format!("1 to {MAX_RULE_S} seconds")));
        }
        let set = SetStreamRule {
            room_id: self.params.room()?,
            stream_id: self.params.stream()?,
            audio,
            video,
            // Documented: more is taken as the most.
            lasts: Duration::from_secs(seconds.min(MAX_RULE_S)),
        };
        self.done(set).await
    }

    async fn stream_rules(&self) -> Served {
        let list = ListStreamRules {
            room_id: self.params.room()?,
            stream_ids: self.params.ids("StreamId", MAX_NAMED, ApiFault::PARAM)?,
        };
        if list.stream_ids.is_empty() {
            return Err(ApiFault::param("StreamId", "name one to ten streams as StreamId[]"));
        }
        let room_id = list.room_id.clone();
        let rules = self.ask(list).await?;
        let shown = rules.into_iter().map(|(stream_id, rule)| {
            json!({
                "StreamId": stream_id,
                "DisableAudio": u32::from(rule.is_some_and(|rule| rule.audio)),
                "DisableVideo": u32::from(rule.is_some_and(|rule| rule.video)),
                "CreateTime": rule.map_or(0, |rule| rule.set_ms / 1000),
                "EffectiveTime": rule.map_or(0, |rule| rule.lasts.as_secs()),
            })
        });
        Ok(Some(
            json!({"RoomId": room_id, "ForbidStreamRuleList": shown.collect::<Vec<_>>()}),
        ))
    }

    async fn delete_stream_rule(&self) -> Served {
        let delete = DeleteStreamRule {
            room_id: self.params.room()?,
            stream_id: self.params.stream()?,
        };
        self.done(delete).await
    }

    fn order(&self) -> Result<StreamOrder, ApiFault> {
        let sequence = self.params.number("Sequence")?;
        Ok(StreamOrder {
            stream_id: self.params.stream()?,
            sequence: sequence.ok_or_else(|| ApiFault::param("Sequence", "a number that ascends for each stream"))?,
        })
    }
}

/// The documented number of the kind of a rule.
fn rule_type(rule: &UserRule) -> u32 {
    match &rule.target {
        RuleTarget::Address(_) => 1,
        RuleTarget::Room(_) => 2,
        RuleTarget::User(_) => 3,
        RuleTarget::UserInRoom(..) => 4,
    }
}

/// A rule as documented: whom it is about, what it forbids, and until when, in Unix seconds rounded up.
fn shown(rule: &UserRule, unix_ms: u64) -> Value {
    let (ip, room_id, user_id) = match &rule.target {
        RuleTarget::Address(ip) => (ip.to_string(), "", ""),
        RuleTarget::Room(room) => (String::new(), room.as_str(), ""),
        RuleTarget::User(user) => (String::new(), "", user.as_str()),
        RuleTarget::UserInRoom(room, user) => (String::new(), room.as_str(), user.as_str()),
    };
    let privileges = [(1, rule.forbids.login), (2, rule.forbids.publish)];
    let disabled: Vec<u32> = privileges.iter().filter(|(_, set)| *set).map(|(number, _)| *number).collect();
    let left_ms = u64::try_from(rule.left.as_millis()).unwrap_or(u64::MAX);
    json!({
        "RuleType": rule_type(rule),
        "IP": ip,
        "RoomId": room_id,
        "UserId": user_id,
        "DisabledPrivilegeList": disabled,
        "ExpireTime": unix_ms.saturating_add(left_ms).div_ceil(1000),
    })
}
