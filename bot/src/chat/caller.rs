//! Somebody of the team who asked something, and what their verbs run on.

use std::sync::Arc;

use domain::kernel::cx::Done;
use domain::kernel::{Cx, No, Principal, Refusal, time};
use host::Host;
use jiff::civil::Date;
use jiff::tz::TimeZone;

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
}
