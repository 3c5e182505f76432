//! Somebody of the team who asked something, and what their verbs run on.

use std::sync::Arc;

use domain::kernel::cx::Done;
use domain::kernel::idempotency::{Answer, Key};
use domain::kernel::{Cx, No, Principal, Refusal, time};
use host::Host;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Asked;

#[derive(Clone)]
pub struct Caller {
    pub host: Host,
    pub who: Principal,
    /// In which the member reads times and says dates.
    pub zone: TimeZone,
    pub asked: Arc<Asked>,
}

impl Caller {
    pub fn today(&self) -> Date {
        time::today(self.host.clock().now(), &self.zone)
    }

    pub async fn look<T, F>(&self, f: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        self.host.look(&self.who, f).await
    }

    pub async fn act<T, F>(&self, f: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        let Done { value, .. } = self.host.act(&self.who, f).await?;
        Ok(value)
    }

    /// Does it once, however often Discord tells of the same question.
    pub async fn act_once<T, F>(&self, verb: &'static str, f: F) -> Result<T, Refusal>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnMut(&mut Cx<'_>) -> Result<T, No> + Send + 'static,
    {
        let key = Key::parse(&format!("discord:{}", self.asked.id)).ok();
        let Answer { value, .. } = self.host.act_once(&self.who, key, verb, self.asked.id.clone(), f).await?;
        Ok(value)
    }
}
