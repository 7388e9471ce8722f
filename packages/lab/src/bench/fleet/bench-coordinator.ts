import { MpoError } from "@mpo/core";
import { type ChildHost, untilAborted } from "@mpo/io";
import { freePorts } from "@mpo/transport/testing";
import { benchProcess, failureOf } from "./bench-process.ts";
import type { AskPauses, CoordinatorPauses, CoordinatorPlan, CoordinatorReady } from "./fleet-messages.ts";

/** The bench's coordinator, which may be killed and started again at the same address. */
export class BenchCoordinator implements AsyncDisposable {
  readonly #plan: CoordinatorPlan;
  #child: ChildHost | undefined;
  #onPauses: (pauses: CoordinatorPauses) => void = () => undefined;

  private constructor(plan: CoordinatorPlan) {
    this.#plan = plan;
  }

  static async create(plan: Omit<CoordinatorPlan, "grpcPort">): Promise<BenchCoordinator> {
    const [grpcPort = 0] = await freePorts(1);
    return new BenchCoordinator({ ...plan, grpcPort });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it listens. */
  async start(signal: AbortSignal): Promise<CoordinatorReady> {
    const ready = new Promise<CoordinatorReady>((resolve) => {
      this.#child = benchProcess("coordinator", "fleet-coordinator-main", [JSON.stringify(this.#plan)], (message) => {
        const said = message as CoordinatorReady | CoordinatorPauses;
        if ("grpc" in said) resolve(said);
        else this.#onPauses(said);
      });
    });
    return await untilAborted(Promise.race([ready, this.failure()]), signal);
  }

  /** How long its event loop stood still since the last call. */
  async pauses(signal: AbortSignal): Promise<CoordinatorPauses> {
    const answer = new Promise<CoordinatorPauses>((resolve) => {
      this.#onPauses = resolve;
    });
    const ask: AskPauses = { kind: "pauses" };
    this.#child?.send(ask);
    return await untilAborted(Promise.race([answer, this.failure()]), signal);
  }

  /** As kill -9; its nats-server runs on, as it would. */
  async kill(): Promise<void> {
    this.#child?.end(new MpoError("worker-killed", "the bench has killed its coordinator"));
    await this.#child?.close();
  }

  /** Stops it where it is, until `resume`. */
  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** Rejects when it ends unexpectedly. */
  async failure(): Promise<never> {
    if (this.#child === undefined) throw new MpoError("internal", "the coordinator was not started");
    return await failureOf(this.#child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child?.close();
  }
}
