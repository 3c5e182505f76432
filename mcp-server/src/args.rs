//! A tool's arguments, read strictly: what is wrong with them reaches the agent as a tool result it can act on.

use std::borrow::Cow;

use domain::kernel::{Refusal, shape};
use rmcp::ErrorData;
use rmcp::handler::server::common::{FromContextPart, schema_for_input};
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::JsonObject;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use crate::guard;

/// The arguments of a tool call as a `T`.
///
/// Arguments that do not fit the schema of `T` (unknown, missing, of a wrong type, out of range) make the call answer
/// with code `invalid` and every problem by name; the tool does not run. Values that the schema cannot express
/// (a date that does not exist) do the same, one at a time.
///
/// In a tool's signature write it as `Parameters<T>`: the `#[tool]` macro takes the input schema from an argument whose
/// type has that name, and from no other.
#[derive(Debug, Clone)]
pub struct Args<T>(pub T);

/// [`Args`] under the one name that the `#[tool]` macro recognises.
pub use Args as Parameters;

impl<T: JsonSchema> JsonSchema for Args<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<S, T> FromContextPart<ToolCallContext<'_, S>> for Args<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
{
    fn from_context_part(call: &mut ToolCallContext<'_, S>) -> Result<Self, ErrorData> {
        read(call.arguments.take().unwrap_or_default()).map(Args).map_err(|refusal| guard::carry(&refusal))
    }
}

/// `arguments` as a `T`, or everything that is wrong with them.
pub fn read<T: DeserializeOwned + JsonSchema + 'static>(arguments: JsonObject) -> Result<T, Refusal> {
    let schema = schema_for_input::<T>().map_err(|_| Refusal::not_found("tool"))?;
    shape::read(&schema, arguments)
}

#[cfg(test)]
mod tests {
    use domain::kernel::{Code, Problem};
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Even(u32);

    impl<'de> Deserialize<'de> for Even {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let number = u32::deserialize(from)?;
            if number % 2 == 0 { Ok(Self(number)) } else { Err(serde::de::Error::custom("must be even")) }
        }
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[schemars(inline)]
    struct Inner {
        #[schemars(with = "u32")]
        number: Even,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        inner: Vec<Inner>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String")]
        note: Option<String>,
    }

    fn outer(value: Value) -> Result<Outer, Refusal> {
        read(value.as_object().unwrap().clone())
    }

    #[test]
    fn good_arguments_are_read() {
        let expected = Outer { inner: vec![Inner { number: Even(2) }], note: None };
        assert_eq!(outer(json!({"inner": [{"number": 2}], "note": null})), Ok(expected));
    }

    #[test]
    fn a_misspelt_optional_argument_is_named_not_ignored() {
        let refusal = outer(json!({"inner": [], "notes": "x"})).unwrap_err();
        assert_eq!((refusal.code, refusal.problems[0].field.as_str()), (Code::Invalid, "notes"));
        assert!(refusal.sentence.contains("Did you mean `note`?"), "{refusal}");
    }

    #[test]
    fn what_only_the_type_knows_is_named_with_its_path() {
        let refusal = outer(json!({"inner": [{"number": 2}, {"number": 3}]})).unwrap_err();
        assert_eq!(refusal.problems, vec![Problem::new("inner[1].number", "Must be even.")]);
    }
}
