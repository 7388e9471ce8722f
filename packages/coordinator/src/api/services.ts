import { MpoError } from "@mpo/core";
import { adminService, type CallContext, fleetService, type ServedService } from "@mpo/transport";
import type { Coordinator } from "../coordinator.ts";
import type { Metrics } from "../http/metrics.ts";

/** A coordinator's APIs as the listener serves them; every call is counted. */
export function servicesOf({ fleet, admin, metrics }: Coordinator): readonly ServedService[] {
  return [
    fleetService({
      enroll: counted(metrics, "enroll", (request, call) => fleet.enroll(request, call)),
      hello: counted(metrics, "hello", (request, call) => fleet.hello(request, call)),
      heartbeat: counted(metrics, "heartbeat", (request, call) => fleet.heartbeat(request, call)),
      reportProfile: counted(metrics, "reportProfile", (request, call) => fleet.reportProfile(request, call)),
      reportStatus: counted(metrics, "reportStatus", (request, call) => fleet.reportStatus(request, call)),
    }),
    adminService({
      listDevices: counted(metrics, "listDevices", async (request) => admin.listDevices(request)),
      getDevice: counted(metrics, "getDevice", (request, call) => admin.getDevice(request, call)),
      retireDevice: counted(metrics, "retireDevice", (request, call) => admin.retireDevice(request, call)),
      removeDevice: counted(metrics, "removeDevice", (request, call) => admin.removeDevice(request, call)),
      renameDevice: counted(metrics, "renameDevice", (request, call) => admin.renameDevice(request, call)),
      refreshDevice: counted(metrics, "refreshDevice", (request, call) => admin.refreshDevice(request, call)),
      probeDevice: counted(metrics, "probeDevice", (request, call) => admin.probeDevice(request, call)),
      listProfiles: counted(metrics, "listProfiles", async (request) => admin.listProfiles(request)),
      getProfile: counted(metrics, "getProfile", (request, call) => admin.getProfile(request, call)),
      getConfig: counted(metrics, "getConfig", (request, call) => admin.getConfig(request, call)),
      explainConfig: counted(metrics, "explainConfig", (request, call) => admin.explainConfig(request, call)),
      pushConfig: counted(metrics, "pushConfig", (request, call) => admin.pushConfig(request, call)),
      rollbackConfig: counted(metrics, "rollbackConfig", (request, call) => admin.rollbackConfig(request, call)),
      listEvents: counted(metrics, "listEvents", (request, call) => admin.listEvents(request, call)),
      watchEvents: countedStream(metrics, "watchEvents", (request, call) => admin.watchEvents(request, call)),
    }),
  ];
}

type Handler<Request, Response> = (request: Request, call: CallContext) => Promise<Response>;

function counted<Request, Response>(
  metrics: Metrics,
  method: string,
  handle: Handler<Request, Response>,
): Handler<Request, Response> {
  return async (request, call) => {
    const began = performance.now();
    let code = "ok";
    try {
      return await handle(request, call);
    } catch (thrown) {
      code = MpoError.from(thrown).code;
      throw thrown;
    } finally {
      metrics.called(method, code, performance.now() - began);
    }
  };
}

type StreamHandler<Request, Response> = (request: Request, call: CallContext) => AsyncIterable<Response>;

/** How long a stream takes is its reader's affair: only that it ended is counted, and how. */
function countedStream<Request, Response>(
  metrics: Metrics,
  method: string,
  handle: StreamHandler<Request, Response>,
): StreamHandler<Request, Response> {
  return async function* (request, call) {
    let code = "ok";
    try {
      yield* handle(request, call);
    } catch (thrown) {
      code = MpoError.from(thrown).code;
      throw thrown;
    } finally {
      metrics.called(method, code);
    }
  };
}
