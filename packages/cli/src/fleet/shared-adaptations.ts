import { formatBytes, formatShare, given } from "@mpo/core";
import type { AdaptationView } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { createListing } from "../output/listing.ts";
import { pagesOf, withAdmin } from "./with-admin.ts";

type ListOptions = FleetOptions & { readonly name?: string };

/** The part of `mpo models` that is about what devices have learned of drifts, and share. */
export function defineAdaptations(models: Command, context: CommandContext): void {
  const list = models
    .command("adaptations")
    .description("list what devices have learned of drifts and share: who, how much it brought, whom it has helped");
  addFleetCommand(list, LIST_HELP)
    .option("--name <name>", "only of this model", fleetName)
    .action((options: ListOptions) => listAdaptations(options, context));
  const forget = models.command("forget").description("remove something that a device has learned and shares");
  addFleetCommand(forget, "\nExample:\n  mpo models forget 3f0c9a1b2c4d5e6f\n")
    .argument("<adaptation>", "its name, as mpo models adaptations shows it", fleetName)
    .action((adaptation: string, options: FleetOptions) => forgetAdaptation(adaptation, options, context));
}

const LIST_HELP = `
Devices whose agents run with --share-adaptations share the parameters of normalisation layers with which a retraining has
answered a drift. One that meets a like drift starts from the nearest, where that is better than what it serves. What
several devices were given and refuse is offered no more.

Examples:
  mpo models adaptations
  mpo models adaptations --name camera --json
`;

const HEAD = ["adaptation", "model", "device", "accuracy", "samples", "size", "helped", "refused", "received"];

async function listAdaptations({ tenant, name, ...options }: ListOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const listing = createListing(terminal, HEAD);
  await withAdmin({ tenant, ...options }, context, async ({ admin, call }) => {
    const pages = pagesOf((page) => admin.listAdaptations({ tenant, ...given({ model: name }), ...page }, call));
    for await (const { adaptations } of pages) {
      for (const one of adaptations) {
        listing.row(one, () => rowOf(one));
      }
    }
  });
  const count = listing.end();
  if (count === 0) terminal.note("no device shares what it has learned: mpo agent --share-adaptations");
}

function rowOf(view: AdaptationView): readonly string[] {
  const { adaptation, model, device, accuracyBefore, accuracyAfter, judgement, samples, bytes } = view;
  const isByLabels = judgement === "labels";
  const gain = `${formatShare(accuracyBefore)} to ${formatShare(accuracyAfter)}${isByLabels ? "" : ", estimated"}`;
  const refused = `${view.refused}${view.isOffered ? "" : ", not offered"}`;
  const received = new Date(view.receivedAtMs).toISOString();
  return [adaptation, model, device, gain, `${samples}`, formatBytes(bytes), `${view.helped}`, refused, received];
}

async function forgetAdaptation(adaptation: string, options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant } = options;
  const { device } = await withAdmin(options, context, ({ admin, call }) =>
    admin.removeAdaptation({ tenant, adaptation }, call),
  );
  terminal.record({ event: "adaptation-removed", adaptation, device });
  terminal.line(
    `removed ${adaptation}, which ${device} had learned; devices that started from it keep what they serve`,
  );
}
