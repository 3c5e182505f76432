//! Logs: once where it is handled, in words, on standard error.

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Telemetry, USUAL_LOG};

/// The client of the gateway tells of each of its steps, and warns when it says goodbye.
const OTHERS: &str = "serenity=error";

/// Starts logging to standard error. Standard output belongs to answers and to MCP over stdio.
pub fn start(telemetry: &Telemetry) {
    let filter = match telemetry.log.as_str() {
        USUAL_LOG => EnvFilter::new(format!("{USUAL_LOG},{OTHERS}")),
        own => EnvFilter::try_new(own).unwrap_or_else(|_| EnvFilter::new(USUAL_LOG)),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second call in one process (tests) leaves the first one's settings.
    let _ = match telemetry.format {
        LogFormat::Text => logs.compact().with_ansi(false).try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
}
