//! Column types that each engine stores natively: one Rust type over both.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, SqlOrd, SqlType, Text};
use diesel::sqlite::{Sqlite, SqliteValue};
use domain::Timestamp;
use uuid::Uuid;

/// `uuid`, or 16 bytes.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Id;

/// `timestamptz`, or microseconds since 1970 in an integer.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Moment;

/// `inet`, or text.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 869, array_oid = 1041))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Ip;

impl SqlOrd for Id {}
impl SqlOrd for Moment {}

/// The value of an [`Id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Id)]
pub(crate) struct IdValue(pub(crate) Uuid);

/// The value of a [`Moment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Moment)]
pub(crate) struct MomentValue(pub(crate) Timestamp);

/// The value of an [`Ip`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Ip)]
pub(crate) struct IpValue(pub(crate) IpAddr);

/// Microseconds from 1970 to 2000, where PostgreSQL's timestamps begin.
pub(crate) const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
/// Address families in PostgreSQL's binary form of `inet`.
const POSTGRES_V4: u8 = 2;
const POSTGRES_V6: u8 = 3;

impl ToSql<Id, Pg> for IdValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Id, Pg> for IdValue {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl ToSql<Id, Sqlite> for IdValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Id, Sqlite> for IdValue {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(&<Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?)?))
    }
}

impl ToSql<Moment, Pg> for MomentValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.as_microsecond() - POSTGRES_EPOCH;
        out.write_all(&micros.to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Moment, Pg> for MomentValue {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = i64::from_be_bytes(value.as_bytes().try_into()?);
        let since_1970 = micros.checked_add(POSTGRES_EPOCH).ok_or("timestamp out of range")?;
        Ok(Self(Timestamp::from_microsecond(since_1970)?))
    }
}

impl ToSql<Moment, Sqlite> for MomentValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_microsecond());
        Ok(IsNull::No)
    }
}

impl FromSql<Moment, Sqlite> for MomentValue {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Ok(Self(Timestamp::from_microsecond(micros)?))
    }
}

impl ToSql<Ip, Pg> for IpValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        // Family, prefix length, "is a cidr", address length, address.
        match self.0 {
            IpAddr::V4(it) => {
                out.write_all(&[POSTGRES_V4, 32, 0, 4])?;
                out.write_all(&it.octets())?;
            }
            IpAddr::V6(it) => {
                out.write_all(&[POSTGRES_V6, 128, 0, 16])?;
                out.write_all(&it.octets())?;
            }
        }
        Ok(IsNull::No)
    }
}

impl FromSql<Ip, Pg> for IpValue {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let address = value.as_bytes().get(4..).unwrap_or_default();
        if let Ok(octets) = <[u8; 4]>::try_from(address) {
            return Ok(Self(Ipv4Addr::from(octets).into()));
        }
        Ok(Self(Ipv6Addr::from(<[u8; 16]>::try_from(address)?).into()))
    }
}

impl ToSql<Ip, Sqlite> for IpValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<Ip, Sqlite> for IpValue {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(<String as FromSql<Text, Sqlite>>::from_sql(value)?.parse()?))
    }
}
