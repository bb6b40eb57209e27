//! The actions of the server API and how often they may be asked for.

use std::time::Duration;

use crate::rooms::Rate;

macro_rules! actions {
    ($($name:ident $per_s:literal,)*) => {
        /// What is asked for, by its documented name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(super) enum Action {
            $($name,)*
        }

        impl Action {
            /// The action of this name.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// How often an AppID may ask for it (documented, calls in a second).
            pub(super) fn rate(self) -> Rate {
                let per_s = match self {
                    $(Self::$name => $per_s,)*
                };
                Rate::new(per_s, per_s)
            }
        }
    };
}

actions! {
    KickoutUser 50,
    CloseRoom 1,
    DescribeUserList 200,
    DescribeUsers 10,
    DescribeUserNum 10,
    DescribeSimpleStreamList 50,
    SendBroadcastMessage 100,
    SendBarrageMessage 100,
    SendCustomCommand 100,
    SetForbidUserRule 10,
    DescribeForbidUserRules 10,
    DelForbidUserRule 10,
    SetForbidStreamRule 10,
    DescribeForbidStreamRules 10,
    DelForbidStreamRule 10,
    ForbidRTCStream 20,
    ResumeRTCStream 20,
    DescribeRTCStreamState 40,
}

impl Action {
    /// How often it may be asked for about one room (documented), where that is limited.
    pub(super) fn rate_of_room(self) -> Option<Rate> {
        match self {
            Self::DescribeUserList => Some(Rate::new(1, 1)),
            Self::DescribeSimpleStreamList => Some(Rate::one_every(Duration::from_secs(10))),
            _ => None,
        }
    }
}
