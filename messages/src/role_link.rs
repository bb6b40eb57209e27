//! How a role is commanded: one recipient for each command.

/// Makes the link of a role, and `From<Addr<A>>` for any actor that handles all of its commands.
macro_rules! role_link {
    ($(#[$link_doc:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $message:ty,)* }) => {
        $(#[$link_doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[$doc])* pub $field: actix::Recipient<$message>,)*
        }

        impl<A> From<actix::Addr<A>> for $name
        where
            A: actix::Actor $(+ actix::Handler<$message>)*,
            A::Context: Sized $(+ actix::dev::ToEnvelope<A, $message>)*,
        {
            fn from(addr: actix::Addr<A>) -> Self {
                Self { $($field: addr.clone().recipient(),)* }
            }
        }
    };
}
pub(crate) use role_link;
