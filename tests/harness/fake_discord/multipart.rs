//! A request's body and the files beside it, as JSON alone or as `multipart/form-data`.

use serde_json::Value;

use super::Attachment;
use crate::peers::Asked;

/// What came.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub body: Value,
    /// By the number in `files[n]`. Without ids yet.
    pub files: Vec<(u64, Attachment)>,
    /// How it was declared, when that was wrong.
    pub wrong: Option<String>,
}

impl Sent {
    pub fn of(asked: &Asked) -> Self {
        Self::read(asked.header("content-type").unwrap_or_default(), &asked.body)
    }

    pub fn read(kind: &str, bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        if let Some(boundary) =
            kind.strip_prefix("multipart/form-data").and_then(|rest| rest.split("boundary=").nth(1))
        {
            return parts(bytes, boundary.trim_matches('"')).unwrap_or_else(|| Self {
                wrong: Some("a multipart body that cannot be read".into()),
                ..Self::default()
            });
        }
        let body = serde_json::from_slice(bytes);
        let wrong = match &body {
            Err(_) => Some("the body is no JSON".to_owned()),
            Ok(_) if !kind.starts_with("application/json") => Some("the body is not declared as JSON".to_owned()),
            Ok(_) => None,
        };
        Self { body: body.unwrap_or_default(), files: Vec::new(), wrong }
    }
}

fn position(bytes: &[u8], of: &[u8]) -> Option<usize> {
    bytes.windows(of.len()).position(|window| window == of)
}

fn parts(bytes: &[u8], boundary: &str) -> Option<Sent> {
    let line = format!("--{boundary}");
    let mut sent = Sent::default();
    let mut rest = &bytes[position(bytes, line.as_bytes())? + line.len()..];
    let end = format!("\r\n{line}");
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head_ends = position(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&part[..head_ends]).ok()?;
        let body = &part[head_ends + 4..];
        let body_ends = position(body, end.as_bytes())?;
        rest = &body[body_ends + end.len()..];
        let body = &body[..body_ends];
        let header = |name: &str| {
            let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
            lines.clone().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let disposition = header("content-disposition")?;
        let named = |what: &str| {
            let after = disposition.split(&format!("; {what}=\"")).nth(1)?;
            after.split('"').next().map(str::to_owned)
        };
        let name = named("name")?;
        if name == "payload_json" {
            sent.body = serde_json::from_slice(body).ok()?;
        } else if let Some(number) = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']')) {
            let file = Attachment {
                id: String::new(),
                name: named("filename")?,
                content_type: header("content-type").unwrap_or_else(|| "application/octet-stream".into()),
                description: None,
                bytes: body.to_vec(),
            };
            sent.files.push((number.parse().ok()?, file));
        } else {
            sent.wrong = Some(format!("a part of the form named {name:?}"));
        }
    }
    Some(sent)
}

/// The files of a message after a request: those that its body keeps, and those that came. What is wrong with it, in
/// words.
pub(super) fn attachments(sent: &Sent, had: &[Attachment]) -> Result<Vec<Attachment>, String> {
    let Some(listed) = sent.body["attachments"].as_array() else {
        return Ok(had.iter().chain(sent.files.iter().map(|(_, file)| file)).cloned().collect());
    };
    let mut all = Vec::new();
    for entry in listed {
        let id = match &entry["id"] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        };
        let kept = had.iter().find(|file| file.id == id);
        let came = sent.files.iter().find(|(number, _)| number.to_string() == id).map(|(_, file)| file);
        let mut file =
            kept.or(came).cloned().ok_or_else(|| format!("attachments names {id}, and no such file came"))?;
        if let Some(text) = entry["description"].as_str() {
            file.description = Some(text.into());
        }
        all.push(file);
    }
    let unlisted = sent.files.iter().find(|(number, _)| {
        !listed.iter().any(|entry| match &entry["id"] {
            Value::String(id) => *id == number.to_string(),
            id => id.as_u64() == Some(*number),
        })
    });
    match unlisted {
        Some((number, file)) => {
            Err(format!("files[{number}] ({}) came, and attachments does not name it", file.name))
        }
        None => Ok(all),
    }
}
