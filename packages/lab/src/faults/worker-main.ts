/** A process that works for a while and says so: it stands for the one that trains, and can be killed like it. */
process.on("message", (workMs: number) => {
  setTimeout(() => {
    process.send?.("done", () => process.disconnect());
  }, workMs);
});
process.on("disconnect", () => process.exit());
