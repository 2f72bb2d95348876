//! What a stand-in does not let pass: another key, another clock, another byte; and what else a
//! vendor may do wrong.

use std::sync::Arc;
use std::time::Duration;

use ports::carrier::CarrierError;
use ports::testing::ManualClock;
use rstest::rstest;
use test_vendors::Fault;
use test_vendors::carrier::{Case, Purpose, SECRET, VERIFIER, token};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{TimeOfDay, Which, right, stand_in};

fn good(which: Which) -> String {
    token(which.name(), Purpose::Login, Case::Good, "13800138000")
}

#[rstest]
#[case(Which::AliyunApp)]
#[case(Which::AliyunAppByRpc)]
#[case(Which::JverifyApp)]
#[case(Which::CmccByMd5)]
#[case(Which::CamaraBySecret)]
#[tokio::test(flavor = "multi_thread")]
async fn another_secret_is_refused(#[case] which: Which) {
    let (stand_in, carriers) = stand_in().await;
    let url = stand_in.url(which.path());
    let verifier = which.at(url, &format!("{SECRET}x"), Arc::new(TimeOfDay));
    let tried = verifier.phone(&good(which)).await;
    assert!(matches!(tried, Err(CarrierError::Unavailable)), "{tried:?}");
    assert_eq!(carriers.exchanges(which.name()), 0);
}

/// The clock of tests stands, and that of the stand-ins goes.
#[rstest]
#[case(Which::AliyunApp)]
#[case(Which::AliyunAppByRpc)]
#[case(Which::CmccByMd5)]
#[case(Which::CmccByRsa)]
#[case(Which::CamaraByKey)]
#[tokio::test(flavor = "multi_thread")]
async fn another_clock_is_refused(#[case] which: Which) {
    let (stand_in, carriers) = stand_in().await;
    let url = stand_in.url(which.path());
    let verifier = which.at(url, SECRET, Arc::new(ManualClock::default()));
    let tried = verifier.phone(&good(which)).await;
    assert!(matches!(tried, Err(CarrierError::Unavailable)), "{tried:?}");
    assert_eq!(carriers.exchanges(which.name()), 0);
}

#[rstest]
#[case::nothing(Which::AliyunApp, "", "", true)]
#[case::token(Which::AliyunApp, "13800138000", "13800138001", false)]
#[case::action(Which::AliyunApp, "GetMobile", "GetMobilf", false)]
#[case::version(Which::AliyunApp, "2017-05-25", "2017-05-24", false)]
#[case::date(Which::AliyunApp, "x-acs-date: 202", "x-acs-date: 302", false)]
#[case::nonce(Which::AliyunApp, "x-acs-signature-nonce: 0", "x-acs-signature-nonce: 1", false)]
#[case::host(Which::AliyunApp, "host: 127.0.0.1", "host: 127.0.0.2", false)]
#[case::path(Which::AliyunApp, "POST /aliyun/", "POST /", false)]
#[case::signature(Which::AliyunApp, "Signature=", "Signature=0", false)]
#[case::names(Which::AliyunApp, ";x-acs-date;", ";", false)]
#[case::nothing_by_rpc(Which::AliyunAppByRpc, "", "", true)]
#[case::token_by_rpc(Which::AliyunAppByRpc, "13800138000", "13800138001", false)]
#[case::nothing_by_md5(Which::CmccByMd5, "", "", true)]
#[case::token_by_md5(Which::CmccByMd5, "13800138000", "13800138001", false)]
#[case::app_by_md5(Which::CmccByMd5, "stand-in-id", "stand-in-ie", false)]
#[case::nothing_by_rsa(Which::CmccByRsa, "", "", true)]
#[case::token_by_rsa(Which::CmccByRsa, "13800138000", "13800138001", false)]
#[case::nothing_by_key(Which::CamaraByKey, "", "", true)]
#[case::assertion(Which::CamaraByKey, "client_assertion=ey", "client_assertion=eX", false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_is_refused(
    #[case] which: Which,
    #[case] byte: &'static str,
    #[case] other: &'static str,
    #[case] passes: bool,
) {
    let (stand_in, carriers) = stand_in().await;
    let behind = stand_in.url("").trim_start_matches("http://").to_owned();
    let between = between(behind, byte, other).await;
    let verifier =
        which.at(format!("http://{between}{}", which.path()), SECRET, Arc::new(TimeOfDay));
    let tried = verifier.phone(&good(which)).await;
    assert_eq!(tried.is_ok(), passes, "{tried:?}");
    assert_eq!(carriers.exchanges(which.name()), usize::from(passes));
}

/// Stands between and changes every request; the answers go back as they are.
async fn between(behind: String, byte: &'static str, other: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let mut to = TcpStream::connect(&behind).await.unwrap();
            tokio::spawn(async move {
                let mut read = vec![0; 64 * 1024];
                // A request is so short that it comes in one piece, or its body in a second one.
                loop {
                    tokio::select! {
                        length = from.read(&mut read) => match length {
                            Ok(0) | Err(_) => return,
                            Ok(length) => {
                                let text = String::from_utf8_lossy(&read[..length]).into_owned();
                                let text = match byte {
                                    "" => text,
                                    byte => text.replace(byte, other),
                                };
                                to.write_all(text.as_bytes()).await.unwrap();
                            }
                        },
                        length = async {
                            let mut answer = vec![0; 64 * 1024];
                            let length = to.read(&mut answer).await.unwrap_or(0);
                            (answer, length)
                        } => {
                            let (answer, length) = length;
                            if length == 0 || from.write_all(&answer[..length]).await.is_err() {
                                return;
                            }
                        },
                    }
                }
            });
        }
    });
    address
}

/// TAP-02: a code of another flow than the verifier's is worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_bound_code_wants_its_verifier() {
    let (stand_in, _) = stand_in().await;
    let verifier = right(Which::CamaraBySecret, &stand_in);
    let bound = || token("camara", Purpose::Login, Case::Bound, "13800138000");
    let other = VERIFIER.replace('d', "e");
    for wrong in [bound(), format!("{}#{other}", bound())] {
        let tried = verifier.phone(&wrong).await;
        assert!(matches!(tried, Err(CarrierError::BadToken)), "{tried:?}");
    }
    let tried = verifier.phone(&format!("{}#{VERIFIER}", bound())).await;
    assert_eq!(tried.unwrap(), "+8613800138000");
}

/// EXT-04: what has no end, no body, no connection, or is elsewhere.
#[rstest]
#[case::huge(Fault::Huge, true)]
#[case::empty(Fault::Empty, true)]
#[case::cut(Fault::Cut, false)]
#[case::redirect(Fault::Redirect, false)]
#[case::page_of_errors(Fault::Status(403), false)]
#[case::too_many(Fault::Status(429), false)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_grants_nothing(#[case] fault: Fault, #[case] is_nonsense: bool) {
    let (stand_in, _) = stand_in().await;
    for which in [Which::AliyunApp, Which::JverifyApp, Which::CmccByMd5, Which::CamaraBySecret] {
        stand_in.faults().set(which.path(), fault);
        let tried = right(which, &stand_in).phone(&good(which)).await;
        match tried {
            Err(CarrierError::BadResponse) => assert!(is_nonsense, "{which:?}"),
            Err(CarrierError::Unavailable) => assert!(!is_nonsense, "{which:?}"),
            tried => panic!("{which:?}: {tried:?}"),
        }
    }
}

/// TAP-01: whatever an answer is made of, what comes out of it is a number or an error.
#[rstest]
#[case(Which::AliyunApp)]
#[case(Which::AliyunWeb)]
#[case(Which::JverifyApp)]
#[case(Which::CmccByMd5)]
#[case(Which::CmccByRsa)]
#[case(Which::CamaraBySecret)]
#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_answer_is_a_number_or_an_error(#[case] which: Which) {
    let (stand_in, _) = stand_in().await;
    let verifier = right(which, &stand_in);
    let mut refused = 0;
    for number in 0..200 {
        stand_in.faults().set("/", Fault::Garbled(number));
        let told = verifier.phone(&good(which)).await;
        stand_in.faults().clear();
        match told {
            Ok(phone) => {
                let digits = phone.strip_prefix('+').unwrap();
                let is_number = (8..=15).contains(&digits.len())
                    && digits.bytes().all(|it| it.is_ascii_digit());
                assert!(is_number, "{number}: {phone}");
            }
            Err(_) => refused += 1,
        }
        // The next answer is read, and the breaker does not open.
        assert_eq!(verifier.phone(&good(which)).await.unwrap(), "+8613800138000", "{number}");
    }
    assert!(refused > 50, "{refused} of 200");
}

/// The carrier behind the vendor is down, or nobody has paid.
#[rstest]
#[case(Case::Busy)]
#[case(Case::Unpaid)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_tokens_fault_is_not_called_so(#[case] case: Case) {
    let (stand_in, _) = stand_in().await;
    for which in [Which::AliyunApp, Which::JverifyApp, Which::CmccByMd5, Which::CamaraBySecret] {
        let token = token(which.name(), Purpose::Login, case, "13800138000");
        let tried = right(which, &stand_in).phone(&token).await;
        assert!(matches!(tried, Err(CarrierError::Unavailable)), "{which:?}: {tried:?}");
    }
}

/// TAP-04: who has failed so often is not waited for, and is asked again after a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_fails_is_left_alone() {
    let (stand_in, carriers) = stand_in().await;
    let verifier = right(Which::AliyunApp, &stand_in);
    stand_in.faults().set("/aliyun", Fault::Status(503));
    for _ in 0..5 {
        assert!(verifier.phone(&good(Which::AliyunApp)).await.is_err());
    }
    stand_in.faults().clear();
    let tried = verifier.phone(&good(Which::AliyunApp)).await;
    assert!(matches!(tried, Err(CarrierError::Unavailable)), "{tried:?}");
    assert_eq!(carriers.exchanges("aliyun"), 0);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(verifier.phone(&good(Which::AliyunApp)).await.is_ok());
}
