//! One way to write a JSON value as bytes, so that a hash over it means something.
//!
//! The form is RFC 8785 without floating point: object keys sorted by their code units, no white space, strings
//! with the shortest escapes, integers in decimal. A number that is no integer has no canonical form here.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical bytes of a value.
pub fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(&map[key], out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::String(text) => write_string(text, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.extend_from_slice(value.to_string().as_bytes()),
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // serde_json escapes just what RFC 8785 asks for.
    out.extend_from_slice(Value::String(text.to_owned()).to_string().as_bytes());
}

/// SHA-256 over a sequence of parts.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn the_order_in_which_keys_were_written_does_not_matter() {
        let one = super::bytes(&json!({"b": 1, "a": [null, true, "x\n\u{e9}\""], "aa": {"z": -5, "y": 2}}));
        assert_eq!(String::from_utf8(one).unwrap(), r#"{"a":[null,true,"x\né\""],"aa":{"y":2,"z":-5},"b":1}"#);
    }
}
