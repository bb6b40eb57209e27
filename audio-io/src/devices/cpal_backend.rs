//! stub
use super::*;
/// stub
#[derive(Debug, Default)]
pub struct CpalBackend;
impl CpalBackend {
    /// stub
    pub fn new() -> Self {
        Self
    }
}
impl AudioBackend for CpalBackend {
    fn list(&mut self) -> Result<DeviceList, ListDevicesError> {
        Ok(DeviceList::default())
    }
    fn open_input(&mut self, device_id: Option<&str>) -> Result<OpenDevice<InputPort>, OpenDeviceError> {
        Err(OpenDeviceError::NotFound(device_id.map(Into::into)))
    }
    fn open_output(&mut self, device_id: Option<&str>) -> Result<OpenDevice<OutputPort>, OpenDeviceError> {
        Err(OpenDeviceError::NotFound(device_id.map(Into::into)))
    }
}
