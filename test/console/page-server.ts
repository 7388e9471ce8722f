import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { CONSOLE_FOLDER } from "@mpo/console";
import type { FleetEvent } from "@mpo/protocol";
import { madeUpDevices } from "./made-up-devices.ts";

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html" };

/** What a call is answered, of its request. */
export type Answers = Readonly<Record<string, (request: Readonly<Record<string, unknown>>) => object>>;

/** What calls of a fleet are answered that has devices, and nothing else. */
const ANSWERS: Readonly<Record<string, object>> = {
  whoAmI: { name: "Ada", role: "viewer" },
  listGroups: { groups: [] },
  listEnrolments: { enrolments: [] },
  listRollouts: { rollouts: [] },
  listEvents: { events: [] },
  getAuthority: { certificates: [] },
};

/** Serves the console with made-up devices, for what is measured of the page alone: no coordinator takes time beside it. */
export class PageServer implements AsyncDisposable {
  readonly origin: string;
  readonly #server: ReturnType<typeof createServer>;
  readonly #streams = new Set<ServerResponse>();
  #sequence = 0;

  private constructor(server: ReturnType<typeof createServer>, streams: Set<ServerResponse>) {
    this.#server = server;
    this.#streams = streams;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(devices: number, more: Answers = {}): Promise<PageServer> {
    const pages = madeUpDevices(devices);
    const answers: Answers = {
      listDevices: ({ pageToken = "0" }) => pages[Number(pageToken)] ?? { devices: [] },
      ...more,
    };
    const streams = new Set<ServerResponse>();
    const server = createServer((request, response) => {
      const json = (value: object): void => {
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
      };
      const { pathname } = new URL(request.url ?? "/", "http://here");
      if (pathname === "/session") return json({ isSignedIn: true, needsSignIn: true, person: ANSWERS["whoAmI"] });
      if (pathname === "/api/v1/events") {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`event: ready\ndata: {"sequence":0,"isResumed":true}\n\n`);
        streams.add(response);
        response.on("close", () => streams.delete(response));
        return undefined;
      }
      const [, call] = /^\/api\/v1\/(\w+)$/u.exec(pathname) ?? [];
      const answer = call === undefined ? undefined : answers[call];
      if (answer !== undefined) {
        let body = "";
        request.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        request.on("end", () => json(answer(JSON.parse(body) as Readonly<Record<string, unknown>>)));
        return undefined;
      }
      if (call !== undefined) return json(ANSWERS[call] ?? {});
      const name = extname(pathname) === "" ? "index.html" : pathname;
      void readFile(join(CONSOLE_FOLDER, name)).then(
        (content) => response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "text/plain" }).end(content),
        () => response.writeHead(404).end(),
      );
      return undefined;
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new PageServer(server, streams);
  }

  /** Sends an event to every page that is open. */
  say(event: Omit<FleetEvent, "sequence">): void {
    this.#sequence += 1;
    const data = JSON.stringify({ ...event, sequence: this.#sequence });
    for (const stream of this.#streams) stream.write(`id: ${this.#sequence}\ndata: ${data}\n\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
