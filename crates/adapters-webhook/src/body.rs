//! The body of a webhook: what happened, when, to whom.

use domain::outbox::{Event, News, Outgoing};
use serde::Serialize;

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Default, Serialize)]
struct Data<'a> {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absorbed_user_id: Option<String>,
}

/// The JSON text of an event; `None` for an entry that is none.
pub(crate) fn body(entry: &Outgoing) -> Option<String> {
    let News::Event(event) = &entry.news else { return None };
    let mut data = Data { user_id: entry.user_id.to_string(), ..Data::default() };
    match event {
        Event::Registered { kind } => data.identity_type = Some(kind.as_str()),
        Event::LoggedIn { method } => data.method = Some(method.as_str()),
        Event::Linked { identity_id, kind } | Event::Unlinked { identity_id, kind } => {
            data.identity_id = Some(identity_id.to_string());
            data.identity_type = Some(kind.as_str());
        }
        Event::Merged { absorbed } => data.absorbed_user_id = Some(absorbed.to_string()),
        Event::Updated | Event::PasswordChanged | Event::Deleted | Event::Locked => {}
    }
    let body = Body { r#type: event.as_str(), timestamp: entry.at.to_string(), data };
    serde_json::to_string(&body).ok()
}

#[cfg(test)]
mod tests {
    use domain::id::{EventId, IdentityId, UserId};
    use domain::identifier::IdentifierKind;
    use domain::message::Notice;
    use domain::session::Method;
    use ports::testing::at;
    use rstest::rstest;
    use uuid::Uuid;

    use super::*;

    const fn uuid(of: u128) -> Uuid {
        Uuid::from_u128(of)
    }

    fn told(news: News) -> Option<String> {
        let (id, user_id) = (EventId::from_uuid(uuid(1)), UserId::from_uuid(uuid(2)));
        body(&Outgoing { id, user_id, at: at(1), news })
    }

    #[rstest]
    #[case(Event::Registered { kind: IdentifierKind::Phone },
        "user.registered", r#","identity_type":"phone""#)]
    #[case(Event::LoggedIn { method: Method::Password }, "user.logged_in", r#","method":"password""#)]
    #[case(Event::Updated, "user.updated", "")]
    #[case(Event::Linked { identity_id: IdentityId::from_uuid(uuid(3)), kind: IdentifierKind::Email },
        "identity.linked",
        r#","identity_id":"00000000-0000-0000-0000-000000000003","identity_type":"email""#)]
    #[case(Event::Unlinked { identity_id: IdentityId::from_uuid(uuid(3)), kind: IdentifierKind::Username },
        "identity.unlinked",
        r#","identity_id":"00000000-0000-0000-0000-000000000003","identity_type":"username""#)]
    #[case(Event::Merged { absorbed: UserId::from_uuid(uuid(4)) },
        "user.merged", r#","absorbed_user_id":"00000000-0000-0000-0000-000000000004""#)]
    #[case(Event::PasswordChanged, "password.changed", "")]
    #[case(Event::Deleted, "user.deleted", "")]
    #[case(Event::Locked, "user.locked", "")]
    fn an_event_tells_ids_and_kinds(
        #[case] event: Event,
        #[case] name: &str,
        #[case] details: &str,
    ) {
        let expected = format!(
            r#"{{"type":"{name}","timestamp":"2026-01-01T00:00:01Z","data":{{"user_id":"00000000-0000-0000-0000-000000000002"{details}}}}}"#
        );
        assert_eq!(told(News::Event(event)), Some(expected));
    }

    #[test]
    fn a_notice_is_nothing_for_other_systems() {
        assert_eq!(told(News::Notice { notice: Notice::PasswordSet, to: None }), None);
    }
}
