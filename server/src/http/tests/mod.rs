//! Real sockets on free ports.
