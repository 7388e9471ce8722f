import { MpoError } from "@mpo/core";
import type { AgentPorts } from "../core/agent-ports.ts";
import type { Finding } from "../core/conditions.ts";

/** What keeps the work from models: each has its own, and the others go on. */
export class WorkTroubles {
  readonly #ports: Pick<AgentPorts, "logger" | "serving">;
  /** Models whose inputs could not be read, and why. */
  readonly #unread = new Map<string, string>();
  /** Models whose retrained weights could not be written, and why. */
  readonly #unwritable = new Map<string, string>();

  constructor(ports: Pick<AgentPorts, "logger" | "serving">) {
    this.#ports = ports;
  }

  /** Looks at a model's inputs. False, and logged once, when they cannot be read. */
  async looking(model: string, look: () => Promise<boolean>): Promise<boolean> {
    try {
      const hasNews = await look();
      this.#unread.delete(model);
      return hasNews;
    } catch (thrown) {
      const { code, message } = MpoError.from(thrown);
      if (code === "cancelled") throw thrown;
      if (this.#unread.get(model) !== message) {
        this.#ports.logger.warn("a model's inputs cannot be looked at", { model, message });
      }
      this.#unread.set(model, message);
      return false;
    }
  }

  /** Throws when what is retrained could not be written. */
  async requireWritable(model: string): Promise<void> {
    try {
      await this.#ports.serving.requireWritable(model);
      this.#unwritable.delete(model);
    } catch (thrown) {
      this.#unwritable.set(model, MpoError.from(thrown).message);
      throw thrown;
    }
  }

  /** All of it; `probeWait`: what a due probe waits for. */
  findings(probeWait: string | undefined): readonly Finding[] {
    const passedOver = this.#ports.serving.passedOver();
    return [
      ...[...this.#unread].map(([subject, message]): Finding => ({ code: "unreadable", subject, message })),
      ...passedOver.map(
        ({ path, why }): Finding => ({ code: "unreadable", subject: path, message: `${path}: ${why}` }),
      ),
      ...[...this.#unwritable].map(([subject, message]): Finding => ({ code: "not-writable", subject, message })),
      ...(probeWait === undefined ? [] : [{ code: "probe-waits", subject: "", message: probeWait } as const]),
    ];
  }
}
