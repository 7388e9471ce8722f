import type { Logger } from "@mpo/runtime";

/** Logs which models are served and not retrained, as often as that changes. */
export function otherModels(logger: Logger): (model: string | undefined, names: readonly string[]) => void {
  let said = "";
  return (model, names) => {
    const others = names.filter((name) => name !== model);
    const now = JSON.stringify([model, others]);
    if (model === undefined || now === said) return;
    said = now;
    if (others.length > 0) logger.info("only the model of the newest configuration is retrained", { model, others });
  };
}
