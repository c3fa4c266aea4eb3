/** The copies of the plain kernels for Float64Arrays: that they are copies, and that both dtypes go where they should. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { COPIED, copyOf } from "../../src/kernels/double/build.mjs";

const folder = fileURLToPath(new URL("../../src/kernels/double/", import.meta.url));

it("are what `npm run build:plain` makes of the sources, byte by byte, and there are no others", () => {
  for (const name of COPIED) expect(readFileSync(`${folder}${name}`, "utf8"), name).toBe(copyOf(name));
  expect(readdirSync(folder).sort()).toEqual([...COPIED, "build.d.mts", "build.mjs"].sort());
});

describe.each(COPIED)("%s", (name) => {
  const source = readFileSync(`${folder}../${name}`, "utf8");

  it("hands Float64Arrays to the copy in every kernel, before anything else", () => {
    const kernels = [...source.matchAll(/^export function (\w+)\(args: .*\{\n(.*)\n/gm)];
    expect(kernels.length).toBeGreaterThan(0);
    for (const [, kernel, first] of kernels) {
      expect(first).toMatch(
        new RegExp(`^  if \\(args\\.\\w+ instanceof Float64Array\\) return double\\.${kernel!}\\(args\\);$`),
      );
    }
  });

  it("has a copy that hands nothing on", () => {
    expect(source).toContain("double.");
    expect(copyOf(name)).not.toMatch(/double\.|instanceof/);
  });
});
