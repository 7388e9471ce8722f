import { fileURLToPath } from "node:url";

/** Where the built page lies: an index.html, and files whose names change with their content. */
export const CONSOLE_FOLDER: string = fileURLToPath(new URL("../dist-web", import.meta.url));
