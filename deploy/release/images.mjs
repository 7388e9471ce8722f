/**
 * Container images of coordinator and agent: the Debian packages' files on the few libraries that they need, and nothing
 * else: no shell, no package manager. Debian's packages and ours are unpacked, not configured, so that images for another
 * machine are built here too.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "./tools.mjs";
import { normalise } from "./trees.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").Machine} Machine */
/** @typedef {import("./facts.mjs").ReleaseFacts} ReleaseFacts */

/** Not that of a user of the host; Kubernetes wants a number to see that it is not root's. */
export const IMAGE_USER = 10001;
/** Node and TensorFlow need the libraries, agents and coordinators the `flock` and `chrt` of util-linux. */
const OF_DEBIAN = ["libc6", "libstdc++6", "libgcc-s1", "util-linux"];
const NODE = "/usr/lib/mpo/node/bin/node";
/** What an image's folder holds, in OCI's form: readers look for these names. */
const LAYOUT = ["blobs", "index.json", "oci-layout"];

/**
 * @typedef {object} Image
 * @property {string} name
 * @property {readonly string[]} packages of ours
 * @property {string} data
 * @property {readonly string[]} volumes where it writes
 * @property {readonly string[]} command after `mpo`
 */

/** @type {readonly Image[]} */
export const IMAGES = [
  {
    name: "mpo-coordinator",
    packages: ["mpo", "mpo-coordinator"],
    data: "/var/lib/mpo/coordinator",
    volumes: ["/var/lib/mpo/coordinator"],
    command: ["coordinator", "--config", "/etc/mpo/coordinator.toml"],
  },
  {
    name: "mpo-agent",
    packages: ["mpo", "mpo-engine", "mpo-agent"],
    data: "/var/lib/mpo/agent",
    volumes: ["/var/lib/mpo/agent", "/srv/mpo"],
    command: ["agent", "--config", "/etc/mpo/agent.toml"],
  },
];

/**
 * @param {SetupContext} context
 * @param {ReleaseFacts} facts
 * @param {Machine} machine
 * @param {{ work: string, out: string }} folders `out` holds the Debian packages already
 * @returns {Promise<string[]>} archives in OCI's form, which `docker load`, `podman load` and `skopeo copy` take
 */
export async function buildImages(context, facts, machine, { work, out }) {
  const base = join(work, `base-${machine.debian}.tar`);
  context.say.work(`getting the libraries of the images for ${machine.debian} from Debian 12`);
  const env = { SOURCE_DATE_EPOCH: String(facts.epoch), TMPDIR: work };
  const select = ["--variant=extract", `--architectures=${machine.debian}`, `--include=${OF_DEBIAN.join(",")}`];
  // Documents but licences, and what only a package manager reads.
  const without = [
    "/usr/share/{doc,man,info,locale,lintian,bash-completion}/*",
    "/var/lib/{apt,dpkg}/*",
    "/var/cache/*",
  ];
  const lean = [
    ...without.map((path) => `--dpkgopt=path-exclude=${path}`),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
  ];
  await runTool(context, "mmdebstrap", [...select, ...lean, "bookworm", base], { env });
  const files = [];
  for (const image of IMAGES) files.push(await buildImage(context, facts, machine, image, { work, out, base }));
  return files;
}

/**
 * @param {SetupContext} context
 * @param {ReleaseFacts} facts
 * @param {Machine} machine
 * @param {Image} image
 * @param {{ work: string, out: string, base: string }} folders
 * @returns {Promise<string>}
 */
async function buildImage(context, { version, epoch, commit }, machine, image, { work, out, base }) {
  context.say.work(`building the image ${image.name} for ${machine.debian}`);
  const tree = await mkdtemp(join(work, "image-"));
  await runTool(context, "tar", ["--extract", `--file=${base}`, `--directory=${tree}`, "--exclude=./dev/*"]);
  for (const name of image.packages) {
    await runTool(context, "dpkg-deb", ["--extract", join(out, `${name}_${version}_${machine.debian}.deb`), tree]);
  }
  await writeFile(
    join(tree, "etc/passwd"),
    `root:x:0:0:root:/root:/sbin/nologin\nmpo:x:${IMAGE_USER}:${IMAGE_USER}:MPOptimizer:/var/lib/mpo:/sbin/nologin\n`,
  );
  await writeFile(join(tree, "etc/group"), `root:x:0:\nmpo:x:${IMAGE_USER}:\n`);
  // Where a runtime mounts: it cannot make them on a read-only root.
  const mounted = ["dev", "proc", "run", "sys", "tmp", ...image.volumes];
  for (const place of mounted) await mkdir(join(tree, place), { recursive: true });
  // No program of the base keeps the right to become root.
  await normalise(tree, epoch);
  const owned = image.volumes.map((volume) => join(tree, volume));
  await runTool(context, "chown", [`${IMAGE_USER}:${IMAGE_USER}`, ...owned]);
  const store = ["--root", join(work, "buildah"), "--runroot", join(work, "buildah-run"), "--storage-driver", "vfs"];
  /** @param {string[]} args */
  const buildah = (...args) => runTool(context, "buildah", [...store, ...args]);
  const container = (await buildah("from", "--arch", machine.go, "scratch")).trim();
  await buildah("add", "--quiet", container, tree, "/");
  await rm(tree, { recursive: true });
  const settings = {
    user: `${IMAGE_USER}:${IMAGE_USER}`,
    workingdir: "/",
    entrypoint: JSON.stringify([NODE, "/usr/bin/mpo"]),
    cmd: image.command.join(" "),
    arch: machine.go,
    os: "linux",
  };
  const environment = ["PATH=/usr/bin:/bin", "HOME=/var/lib/mpo", `XDG_STATE_HOME=${image.data}`];
  const labels = [`version=${version}`, `revision=${commit}`, `title=${image.name}`, "licenses=Apache-2.0"];
  await buildah(
    "config",
    ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    ...environment.map((one) => `--env=${one}`),
    ...image.volumes.map((one) => `--volume=${one}`),
    ...labels.map((one) => `--label=org.opencontainers.image.${one}`),
    container,
  );
  const reference = `localhost/${image.name}:${version}-${machine.debian}`;
  const constant = ["--timestamp", String(epoch), "--identity-label=false", "--format=oci", "--quiet", "--rm"];
  await buildah("commit", ...constant, container, reference);
  const file = join(out, `${image.name}_${version}_${machine.debian}.oci.tar`);
  // Not as `oci-archive:`, which writes down when and with which rights it was made.
  const layout = await mkdtemp(join(work, "layout-"));
  await buildah("push", "--quiet", "--format=oci", reference, `oci:${layout}:${image.name}:${version}`);
  await packLayout(context, epoch, layout, file);
  await rm(layout, { recursive: true });
  await buildah("rmi", "--force", reference);
  return file;
}

/**
 * @param {SetupContext} context
 * @param {number} epoch seconds
 * @param {string} layout the folder of an image
 * @param {string} file the archive that is made: the same of the same image, wherever and whenever
 */
export async function packLayout(context, epoch, layout, file) {
  await normalise(layout, epoch);
  const constant = ["--sort=name", `--mtime=@${epoch}`, "--owner=0", "--group=0", "--numeric-owner"];
  await runTool(context, "tar", ["--create", `--file=${file}`, `--directory=${layout}`, ...constant, ...LAYOUT]);
}
