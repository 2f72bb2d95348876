//! Text messages: the vendors that deliver them, and the queue before them.
//!
//! [`Dispatcher`] takes letters, and delivers them in the background through the first vendor of
//! their channel that accepts; vendors of other channels are handed to it like those of this room.
//! [`AliyunSender`], [`TencentSender`], [`TwilioSender`] and [`WebhookSender`] speak to vendors over
//! one gateway, which bounds time and size; [`LogSender`] and [`Inbox`] exist for development.

mod aliyun;
mod class;
mod dispatcher;
mod gateway;
mod inbox;
mod log_sender;
mod regional;
mod signing;
mod tencent;
#[cfg(test)]
mod test_log;
mod twilio;
mod webhook;
mod words;

pub use aliyun::{ALIYUN, AliyunSender, AliyunSettings, AliyunSignature};
pub use dispatcher::{
    Answered, Budget, Dispatcher, DispatcherPorts, DispatcherSettings, OnAnswer, OnPost, Vendor,
};
pub use gateway::{SetupError, Timeouts};
pub use inbox::{Inbox, Kept};
pub use log_sender::LogSender;
pub use regional::Regional;
pub use tencent::{TENCENT, TencentSender, TencentSettings, TencentVariable};
pub use twilio::{TWILIO, TwilioSender, TwilioSettings};
pub use webhook::{WEBHOOK, WebhookSender, WebhookSenderSettings};
