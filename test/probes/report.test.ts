import { parseReport, stringifyReport } from "batchnorm/probes";
import { describe, expect, it } from "vitest";

describe("stringifyReport and parseReport", () => {
  it("carry numbers that are not finite", () => {
    const report = {
      loss: [1, Infinity, -Infinity, NaN],
      nested: { gain: -Infinity, none: null, yes: true, name: "a" },
    };
    const text = stringifyReport(report);
    expect(text).toBe(
      '{"loss":[1,"Infinity","-Infinity","NaN"],"nested":{"gain":"-Infinity","none":null,"yes":true,"name":"a"}}',
    );
    expect(parseReport(text)).toEqual(report);
  });

  it("write the file that JSON would where all is finite, indented where asked", () => {
    const report = { a: [1, 2.5], b: { c: null } };
    expect(stringifyReport(report)).toBe(JSON.stringify(report));
    expect(stringifyReport(report, 2)).toBe(JSON.stringify(report, null, 2));
  });

  it.each([
    [{ a: Float64Array.of(1) }, 'expected a plain array at "a", got Float64Array(1) - use Array.from(values)'],
    [{ a: ["NaN"] }, 'expected no text at "0" that reads like a number, got "NaN"'],
    [{ name: "Infinity" }, 'expected no text at "name" that reads like a number, got "Infinity"'],
    [undefined, "expected a report, got undefined"],
  ])("refuse %o, which would not come back", (report, message) => {
    expect(() => stringifyReport(report)).toThrow(`stringifyReport: ${message}`);
  });

  it("refuse what is not JSON", () => {
    expect(() => parseReport("{")).toThrow(SyntaxError);
  });
});
