//! Parameters: `Name=a&Name[]=b` of the query, and the JSON object of a POST.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use actix_web::web::Query;
use express_messages::ZegoError;
use express_messages::ids::{RoomId, StreamId, UserId};
use express_messages::types::ZegoUser;
use serde_json::{Map, Value};

use super::fault::ApiFault;

/// Values of all parameters together.
const MAX_VALUES: usize = 200;

/// What a call says. Parameters that the action does not know are ignored, as documented clients send some.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Params(HashMap<String, Vec<String>>);

impl Params {
    /// Reads a query.
    ///
    /// # Errors
    /// 8: it is no query; 2: it has too many parameters.
    pub(super) fn read(query: &str) -> Result<Self, ApiFault> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|error| ApiFault::new(ApiFault::DECODE, format!("the query cannot be read: {error}")))?;
        let mut params = Self::default();
        for (name, value) in pairs.into_inner() {
            params.add(&name, value)?;
        }
        Ok(params)
    }

    /// Adds the fields of a JSON object.
    ///
    /// # Errors
    /// 8: the body is no JSON object; 2: a field is neither text, number, truth value nor a list of such.
    pub(super) fn read_json(&mut self, body: &[u8]) -> Result<(), ApiFault> {
        let fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| ApiFault::new(ApiFault::DECODE, format!("the body is no JSON object: {error}")))?;
        for (name, value) in fields {
            match value {
                Value::Array(values) => {
                    for value in values {
                        self.add_json(&name, value)?;
                    }
                }
                value => self.add_json(&name, value)?,
            }
        }
        Ok(())
    }

    fn add_json(&mut self, name: &str, value: Value) -> Result<(), ApiFault> {
        match value {
            Value::Null => Ok(()),
            Value::String(text) => self.add(name, text),
            Value::Bool(_) | Value::Number(_) => self.add(name, value.to_string()),
            Value::Array(_) | Value::Object(_) => Err(ApiFault::param(name, "text, a number, true, false or a list of them")),
        }
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), ApiFault> {
        let held: usize = self.0.values().map(Vec::len).sum();
        if held >= MAX_VALUES {
            let message = format!("at most {MAX_VALUES} parameters are read");
            return Err(ApiFault::new(ApiFault::PARAM, message));
        }
        let name = name.strip_suffix("[]").unwrap_or(name);
        self.0.entry(name.to_owned()).or_default().push(value);
        Ok(())
    }

    /// Every value of a parameter.
    pub(super) fn many(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a parameter that has one.
    ///
    /// # Errors
    /// 2: it has several, and nobody can know which is meant.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, ApiFault> {
        match self.many(name) {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(ApiFault::param(name, "given more than once")),
        }
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// `missing`, or 2.
    pub(super) fn needed(&self, name: &str, missing: u32) -> Result<&str, ApiFault> {
        let value = self.one(name)?.filter(|value| !value.is_empty());
        value.ok_or_else(|| ApiFault::new(missing, format!("{name} is missing")))
    }

    /// A number, if it is there.
    ///
    /// # Errors
    /// 2: it is none.
    pub(super) fn number<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, ApiFault> {
        let parse = |text: &str| text.parse().map_err(|error| ApiFault::param(name, error));
        self.one(name)?.map(parse).transpose()
    }

    /// A truth value; `false` where it is not there.
    ///
    /// # Errors
    /// 2: it is none.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiFault> {
        match self.one(name)?.unwrap_or_default() {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err(ApiFault::param(name, "true or false")),
        }
    }

    /// A text of at most so many bytes; empty where it is not there.
    ///
    /// # Errors
    /// `too_long`, or 2.
    pub(super) fn text(&self, name: &str, most: usize, too_long: u32) -> Result<String, ApiFault> {
        let text = self.one(name)?.unwrap_or_default();
        if text.len() > most {
            let message = format!("{name} has {} bytes; at most {most} are allowed", text.len());
            return Err(ApiFault::new(too_long, message));
        }
        Ok(text.to_owned())
    }

    /// A message: not empty, at most 1024 bytes.
    ///
    /// # Errors
    /// 1008, 50012 or 2.
    pub(super) fn message(&self) -> Result<String, ApiFault> {
        let name = "MessageContent";
        let message = self.text(name, express_messages::ids::MESSAGE_MAX, ApiFault::MESSAGE_TOO_LONG)?;
        if message.is_empty() {
            return Err(ApiFault::new(ApiFault::EMPTY, format!("{name} is empty")));
        }
        Ok(message)
    }

    /// `RoomId`.
    ///
    /// # Errors
    /// 2 or 3.
    pub(super) fn room(&self) -> Result<RoomId, ApiFault> {
        self.id("RoomId")
    }

    /// `StreamId`.
    ///
    /// # Errors
    /// 2 or 3.
    pub(super) fn stream(&self) -> Result<StreamId, ApiFault> {
        self.id("StreamId")
    }

    /// `IP`: an address, of IPv4 also where it is written as one of IPv6.
    ///
    /// # Errors
    /// 2.
    pub(super) fn address(&self) -> Result<IpAddr, ApiFault> {
        let text = self.needed("IP", ApiFault::PARAM)?;
        let address: Result<IpAddr, _> = text.parse();
        address
            .map(|address| address.to_canonical())
            .map_err(|_| ApiFault::param("IP", "an address such as 192.0.2.7 or 2001:db8::7"))
    }

    /// `UserId` and `UserName`, which may be left out.
    ///
    /// # Errors
    /// 2 or 3.
    pub(super) fn user(&self) -> Result<ZegoUser, ApiFault> {
        let user_id: UserId = self.id("UserId")?;
        let name = self.text("UserName", express_messages::ids::USER_NAME_MAX, ApiFault::TOO_LONG)?;
        ZegoUser::new(&user_id, name).map_err(|error| ApiFault::param("UserName", error.message))
    }

    /// An id.
    ///
    /// # Errors
    /// 2 or 3.
    pub(super) fn id<T: FromStr<Err = ZegoError>>(&self, name: &str) -> Result<T, ApiFault> {
        parse_id(name, self.needed(name, ApiFault::PARAM)?)
    }

    /// Several ids.
    ///
    /// # Errors
    /// 2, 3, or `too_many`.
    pub(super) fn ids<T: FromStr<Err = ZegoError>>(&self, name: &str, most: usize, too_many: u32) -> Result<Vec<T>, ApiFault> {
        let given = self.many(name);
        if given.len() > most {
            let message = format!("{name}[] names {}; at most {most} are allowed", given.len());
            return Err(ApiFault::new(too_many, message));
        }
        given.iter().map(|text| parse_id(name, text)).collect()
    }
}

fn parse_id<T: FromStr<Err = ZegoError>>(name: &str, text: &str) -> Result<T, ApiFault> {
    text.parse().map_err(|error: ZegoError| ApiFault::param(name, error.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_as_documented_and_as_json() {
        let query = Params::read("Action=X&UserId[]=a&UserId%5B%5D=b+c").unwrap();
        assert_eq!(query.many("UserId"), ["a", "b c"]);
        let mut body = Params::default();
        body.read_json(br#"{"UserId":["a","b"],"Limit":3,"Flag":true,"None":null}"#)
            .unwrap();
        assert_eq!(body.many("UserId"), ["a", "b"]);
        assert_eq!((body.number("Limit"), body.one("Flag")), (Ok(Some(3)), Ok(Some("true"))));
        assert_eq!(body.one("None"), Ok(None));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_name() {
        let params = Params::read("RoomId=a&RoomId=b&Limit=x&UserId[]=ok&UserId[]=a/b").unwrap();
        for fault in [
            params.room().unwrap_err(),
            params.number::<u32>("Limit").unwrap_err(),
            params.ids::<UserId>("UserId", 5, 50_011).unwrap_err(),
            params.stream().unwrap_err(),
        ] {
            assert_eq!(fault.code, 2, "{fault:?}");
            assert!(
                ["RoomId", "Limit", "UserId", "StreamId"]
                    .iter()
                    .any(|name| fault.message.starts_with(name))
            );
        }
        assert_eq!(params.ids::<UserId>("UserId", 1, 50_011).unwrap_err().code, 50_011);
        let mut nested = Params::default();
        assert_eq!(nested.read_json(br#"{"RoomId":{}}"#).unwrap_err().code, 2);
        assert_eq!(nested.read_json(b"[]").unwrap_err().code, 8);
    }

    #[test]
    fn only_so_many_parameters_are_read() {
        let query = "a[]=1&".repeat(MAX_VALUES + 1);
        assert_eq!(Params::read(&query).unwrap_err().code, 2);
    }
}
