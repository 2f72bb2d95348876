//! Phone number verification through the carriers, behind `ports::carrier::CarrierVerifier`.
//!
//! One file a vendor: [`aliyun`], [`jverify`], [`cmcc`], [`camara`]. All of them call through one
//! gateway, which has a breaker of its own for each, and read their vendor's codes by a table.

mod acs3;
pub mod aliyun;
pub mod camara;
pub mod cmcc;
mod gateway;
pub mod jverify;
mod number;
mod outcome;
mod private_key;
mod rpc;

pub use gateway::{SetupError, check_endpoint};
pub use private_key::{PrivateKey, PrivateKeyError};
