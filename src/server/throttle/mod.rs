//! Limits on how much clients may ask for at a time. Pure: the time is passed in.

mod blue;
mod load;
mod request;

pub use blue::{BlueThrottle, ConnectKind};
pub use load::{Load, RequestTooLarge};
pub use request::{Admission, RequestThrottler};
