import { type ExternalPair, type HeldIdentity, readAuthorities, readExternalPair, readSanPattern } from "@mpo/identity";
import type { Clock } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import type { TlsSource } from "@mpo/transport";
import type { KeyFiles } from "../run-options.ts";
import type { KeysPorts } from "./fleet-keys.ts";
import { HeldFiles } from "./held-files.ts";

type Options = Pick<KeyFiles, "clientCa" | "listener"> & { readonly clock: Clock; readonly logger: Logger };

/** What another authority than the fleet's has issued, in files that it changes. */
export class ExternalFiles {
  readonly #clientCa: HeldFiles<string> | undefined;
  readonly #pair: HeldFiles<ExternalPair> | undefined;
  readonly foreignDevice: KeysPorts["foreignDevice"];

  private constructor(
    clientCa: HeldFiles<string> | undefined,
    pair: HeldFiles<ExternalPair> | undefined,
    foreignDevice: KeysPorts["foreignDevice"],
  ) {
    this.#clientCa = clientCa;
    this.#pair = pair;
    this.foreignDevice = foreignDevice;
  }

  /** Throws for files that must not be used; see `readAuthorities`, `readExternalPair`, and `readSanPattern`. */
  static async open({ clientCa, listener, ...ports }: Options, signal?: AbortSignal): Promise<ExternalFiles> {
    const held = <Value>(
      paths: readonly string[],
      read: (options: { readonly nowMs: number }) => Promise<Value>,
    ): Promise<HeldFiles<Value>> => HeldFiles.open({ paths, read, ...ports }, signal);
    const pattern = clientCa && readSanPattern(clientCa.sanPattern);
    const authorities = clientCa && (await held([clientCa.file], (options) => readAuthorities(clientCa.file, options)));
    const files = listener && [listener.certificateFile, listener.privateKeyFile];
    const pair = files && (await held(files, (options) => readExternalPair(listener, options)));
    return new ExternalFiles(authorities, pair, pattern);
  }

  /** The authority that issued what the listeners show. */
  readonly listenerAuthority = (): string | undefined => this.#pair?.current().issuerPem;

  onChange(listener: () => void): () => void {
    const offs = [this.#clientCa, this.#pair].map((held) => held?.onChange(listener));
    return () => {
      for (const off of offs) off?.();
    };
  }

  /** `own`: what is shown where there is nothing else, and whom the fleet believes. */
  listenerTls(own: TlsSource<HeldIdentity>): TlsSource {
    return {
      current: () => {
        const { caPem, ...fleet } = own.current();
        const { certificatePem, privateKeyPem } = this.#pair?.current() ?? fleet;
        return { certificatePem, privateKeyPem, caPem: caPem + (this.#clientCa?.current() ?? "") };
      },
      onChange: (listener) => {
        const offs = [own.onChange(listener), this.onChange(listener)];
        return () => {
          for (const off of offs) off();
        };
      },
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#clientCa?.run(signal), this.#pair?.run(signal)]);
  }
}
