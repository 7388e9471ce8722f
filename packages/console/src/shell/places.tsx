import type { VNode } from "preact";
import { AuditPage } from "../pages/audit.tsx";
import { DevicePage } from "../pages/device/device.tsx";
import { DevicesPage } from "../pages/devices/devices.tsx";
import { FleetPage } from "../pages/fleet/fleet.tsx";
import { ModelsPage } from "../pages/models.tsx";
import { PeoplePage } from "../pages/people.tsx";
import { NewRolloutPage } from "../pages/rollouts/new-rollout.tsx";
import { RolloutPage } from "../pages/rollouts/rollout.tsx";
import { RolloutsPage } from "../pages/rollouts/rollouts.tsx";
import { SearchPage } from "../pages/search/search.tsx";
import type { Place } from "../state/router.ts";
import { Empty, Page } from "../ui/page.tsx";

/** What the navigation leads to: the first part of the path, and its name. */
export const PLACES: readonly { readonly path: string; readonly title: string }[] = [
  { path: "", title: "Fleet" },
  { path: "devices", title: "Devices" },
  { path: "rollouts", title: "Rollouts" },
  { path: "models", title: "Models" },
  { path: "search", title: "Search" },
  { path: "audit", title: "Audit" },
  { path: "people", title: "People and tokens" },
];

/** The page of a place; each device and rollout begins anew. */
export function pageAt({ parts }: Place): VNode {
  const [first = "", second, ...more] = parts;
  if (more.length > 0) return <NoPage />;
  if (second === undefined) {
    switch (first) {
      case "":
        return <FleetPage />;
      case "devices":
        return <DevicesPage />;
      case "rollouts":
        return <RolloutsPage />;
      case "models":
        return <ModelsPage />;
      case "search":
        return <SearchPage />;
      case "audit":
        return <AuditPage />;
      case "people":
        return <PeoplePage />;
      default:
        return <NoPage />;
    }
  }
  if (first === "devices") return <DevicePage key={second} name={second} />;
  if (first === "rollouts" && second === "new") return <NewRolloutPage />;
  if (first === "rollouts") return <RolloutPage key={second} name={second} />;
  return <NoPage />;
}

function NoPage(): VNode {
  return (
    <Page title="There is no such page">
      <Empty title="This address leads nowhere.">
        <a href="/">Go to the fleet</a>
      </Empty>
    </Page>
  );
}
