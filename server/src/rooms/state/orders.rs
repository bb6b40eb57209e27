//! What a business server orders on one node holds on all: it is served there first, and told to the others.

use std::time::Duration;

use super::{Now, RoomsState};
use crate::rooms::admin::{
    AdminCall, AdminOrder, CloseRoom, DeleteStreamRule, DeleteUserRule, ForbidStream, KickUsers, Order, ResumeStream,
    SetStreamRule, SetUserRule,
};
use crate::rooms::cloud::Wish;

impl RoomsState {
    /// Tells the other nodes an order that was served here.
    pub(super) fn order(&mut self, app_id: u32, order: Order) {
        if self.cloud.as_ref().is_some_and(|cloud| !cloud.obeys) {
            self.wish(Wish::Order(AdminOrder { app_id, order }));
        }
    }

    /// Another node was ordered something. What cannot be done here is no matter: who asked has been answered.
    pub(super) fn obey(&mut self, now: Now, AdminOrder { app_id, order }: AdminOrder) {
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
