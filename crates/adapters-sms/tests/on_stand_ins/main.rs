//! Senders before stand-ins that verify what their vendors verify.

#![cfg(test)]

mod aliyun;
mod faults;
mod tencent;
mod twilio;
mod webhook;
mod world;
