//! Senders before stand-ins that verify what their vendors verify.

#![cfg(test)]

mod aliyun;
mod faults;
mod relay;
#[cfg(feature = "test-sdks")]
mod sdks;
mod spend;
mod tampered;
mod tencent;
mod twilio;
mod webhook;
mod world;
