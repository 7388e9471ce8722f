import { connectionsWithin, FEW_OPEN_FILES, type Logger, readOpenFiles } from "@mpo/runtime";

/** Each device holds a connection, and now and then a second one. */
const FILES_PER_DEVICE = 2;

/** Warns where the limit of open files leaves too few connections for a fleet. */
export async function warnOfFewFiles(deviceCount: number, logger: Logger): Promise<void> {
  const files = await readOpenFiles();
  if (files === undefined) return;
  const devices = connectionsWithin(files);
  if (files.limit >= FEW_OPEN_FILES && devices >= FILES_PER_DEVICE * deviceCount) return;
  logger.warn("few files may be open: no more devices than these can be connected at once", {
    ...{ limit: files.limit, devices, known: deviceCount },
    hint: "Raise the limit of open files (ulimit -Hn, LimitNOFILE=) and start again.",
  });
}
