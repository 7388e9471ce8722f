import type { TestContext } from "node:test";
import { createAuthority, createNatsAuthority } from "@mpo/identity";
import { type Clock, systemClock } from "@mpo/io";
import type { Role } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import type { MemoryStateServer } from "@mpo/transport/testing";
import { type Coordinator, createCoordinator } from "../coordinator.ts";
import type { HttpServer } from "../http/http-server.ts";
import { FleetKeys } from "../identity/fleet-keys.ts";
import type { RunOptions } from "../run-options.ts";
import { consoleUrlOf, servedBy, serveHttp } from "../serve-http.ts";
import { type CoordinatorSettings, resolveSettings } from "../settings.ts";
import { freshServer } from "../testing/tiny-fleet.ts";

/** What a program or a browser sends. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** A coordinator over a store in memory, behind its HTTP listener. */
export interface HttpRoom {
  readonly coordinator: Coordinator;
  readonly url: string;
  readonly server: HttpServer;
  stop(): Promise<void>;
  /** A token of somebody with a role. */
  token(role: Role, tenant?: string): Promise<string>;
  /** As a program does: with a token, and JSON. */
  call(name: string, token: string | undefined, request?: unknown, more?: Sent): Promise<Answer>;
  ask(path: string, sent?: Sent): Promise<Response>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The answer, or the error. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface HttpRoomOptions {
  readonly store?: MemoryStateServer;
  readonly keys?: FleetKeys;
  readonly settings?: CoordinatorSettings;
  readonly options?: Partial<RunOptions>;
  readonly clock?: Clock;
  /** Nobody proves who they are. */
  readonly insecure?: boolean;
}

export async function newKeys(): Promise<FleetKeys> {
  const authority = await createAuthority({ fleetId: "home", nats: createNatsAuthority(), nowMs: Date.now() });
  return new FleetKeys(authority, {
    ...{ clock: systemClock, certificateValidMs: 3_600_000, addresses: () => ["127.0.0.1:7443"] },
    save: () => Promise.resolve(),
  });
}

let rooms = 0;

export async function httpRoom(context: TestContext, given: HttpRoomOptions = {}): Promise<HttpRoom> {
  const { store = freshServer(), settings = {}, options = {}, clock = systemClock, insecure = false } = given;
  const keys = insecure ? undefined : (given.keys ?? (await newKeys()));
  const number = ++rooms;
  let ids = 0;
  const newId = (): string => `http-${number}-${++ids}`;
  const resolved = resolveSettings({ name: `http-${number}`, insecure, http: { port: 0 }, ...settings }, newId);
  const listening: { server?: HttpServer } = {};
  const coordinator = createCoordinator(resolved, {
    ...{ store: store.connect(), logger: silentLogger, newId, clock, authority: keys },
    pushRevocations: () => Promise.resolve(),
    consoleUrl: () => listening.server && consoleUrlOf(resolved, listening.server),
  });
  await coordinator.start();
  const parts = { coordinator, tls: undefined, served: servedBy(coordinator, clock), clock };
  const server = await serveHttp({ logger: silentLogger, ...options }, parts);
  listening.server = server;
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= server.stop().then(() => coordinator.stop());
    return stopping;
  };
  context.after(stop);
  const url = `http://127.0.0.1:${server.address.port}`;
  const ask = async (path: string, { method = "GET", headers = {}, body, signal }: Sent = {}): Promise<Response> =>
    await fetch(`${url}${path}`, {
      ...{ method, redirect: "manual", headers: body === undefined ? headers : { ...JSON_TYPE, ...headers } },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  return {
    ...{ coordinator, url, server, stop, ask },
    token: async (role, tenant) => {
      const order = { name: `${role} ${tenant ?? "of all"}`, role, tenant, validMs: 3_600_000 };
      const made = await coordinator.identities?.accessTokens.create(order, "test");
      return made?.secret ?? "";
    },
    call: async (name, token, request = {}, more = {}) => {
      const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const headers = { ...bearer, ...more.headers };
      return await answerOf(await ask(`/api/v1/${name}`, { method: "POST", body: request, ...more, headers }));
    },
  };
}

const JSON_TYPE = { "content-type": "application/json" };

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = text === "" ? {} : (JSON.parse(text) as Answer["body"]);
  return { status: response.status, headers: response.headers, body };
}

/** What a page of the console sends with every request that may change something. */
export function ofPage(url: string, session?: string): Readonly<Record<string, string>> {
  const cookie = session === undefined ? {} : { cookie: `mpo=${session}` };
  return { "x-mpo-console": "1", origin: url, ...cookie };
}

/** The session that an answer gives to a browser. */
export function sessionIn({ headers }: Pick<Answer, "headers">): string | undefined {
  const [line] = headers.getSetCookie().filter((one) => one.startsWith("mpo="));
  return /^mpo=([^;]+)/u.exec(line ?? "")?.[1];
}
