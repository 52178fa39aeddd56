use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::sockets::{
    instance_network, ip_name_lookup, network, tcp, tcp_create_socket, udp, udp_create_socket,
};
use wasmtime_wasi::p2::{DynPollable, SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView};

use super::super::meter::LOOK;
use super::super::state::RunState;
use super::State;

const NO_SUCH_GRANT: &str = "none: guests have no network";

impl RunState {
    fn deny_network(&mut self, tried: &str) -> SocketError {
        self.deny(tried, NO_SUCH_GRANT);
        network::ErrorCode::AccessDenied.into()
    }
}

impl network::Host for RunState {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<network::ErrorCode> {
        error.downcast()
    }

    fn network_error_code(&mut self, _: Resource<wasmtime::Error>) -> wasmtime::Result<Option<network::ErrorCode>> {
        Ok(None)
    }
}

impl network::HostNetwork for RunState {
    fn drop(&mut self, network: Resource<network::Network>) -> wasmtime::Result<()> {
        self.table.delete(network)?;
        Ok(())
    }
}

impl tcp_create_socket::Host for RunState {
    fn create_tcp_socket(&mut self, _: network::IpAddressFamily) -> Result<Resource<TcpSocket>, SocketError> {
        Err(self.deny_network("wasi:sockets/tcp-create-socket"))
    }
}

impl udp_create_socket::Host for RunState {
    async fn create_udp_socket(&mut self, _: network::IpAddressFamily) -> Result<Resource<UdpSocket>, SocketError> {
        Err(self.deny_network("wasi:sockets/udp-create-socket"))
    }
}

impl ip_name_lookup::Host for RunState {
    fn resolve_addresses(
        &mut self,
        _: Resource<network::Network>,
        name: String,
    ) -> Result<Resource<ip_name_lookup::ResolveAddressStream>, SocketError> {
        self.meter.charge_copy(name.len());
        Err(self.deny_network("wasi:sockets/ip-name-lookup"))
    }
}

impl ip_name_lookup::HostResolveAddressStream for RunState {
    fn resolve_next_address(
        &mut self,
        _: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> Result<Option<ip_name_lookup::IpAddress>, SocketError> {
        Err(self.deny_network("wasi:sockets/ip-name-lookup"))
    }

    fn subscribe(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        wasmtime_wasi::p2::subscribe(&mut self.table, stream)
    }

    fn drop(&mut self, stream: Resource<ip_name_lookup::ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}

fn unreachable_view(state: &mut RunState) -> WasiSocketsCtxView<'_> {
    state.meter.host_call(LOOK);
    let RunState { sockets, table, .. } = state;
    let table: &mut ResourceTable = table;
    WasiSocketsCtxView { ctx: sockets, table }
}

/// What works on sockets: linked so that programs start, out of reach since no socket can be made. Behind it
/// stands the runtime's own host with every use of the network switched off.
pub(super) fn link_unreachable(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    tcp::add_to_linker::<_, WasiSockets>(linker, unreachable_view)?;
    udp::add_to_linker::<_, WasiSockets>(linker, unreachable_view)?;
    instance_network::add_to_linker::<_, WasiSockets>(linker, unreachable_view)?;
    network::add_to_linker::<_, State>(linker, &network::LinkOptions::default(), super::look)?;
    link_preview1(linker)
}

/// The sockets of preview 1, which `intake` leads here: no, in the words of their own interface.
fn link_preview1(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    const ACCES: u32 = 2;
    fn no(mut store: StoreContextMut<'_, RunState>, tried: &str) -> wasmtime::Result<(u32,)> {
        super::look(store.data_mut()).deny(tried, NO_SUCH_GRANT);
        Ok((ACCES,))
    }
    let mut sockets = linker.instance("ringfence:host/preview1-sockets@0.1.0")?;
    sockets.func_wrap("sock-accept", |store, _: (u32, u32, u32)| no(store, "sock_accept"))?;
    sockets.func_wrap("sock-recv", |store, _: (u32, u32, u32, u32, u32, u32)| no(store, "sock_recv"))?;
    sockets.func_wrap("sock-send", |store, _: (u32, u32, u32, u32, u32)| no(store, "sock_send"))?;
    sockets.func_wrap("sock-shutdown", |store, _: (u32, u32)| no(store, "sock_shutdown"))
}
