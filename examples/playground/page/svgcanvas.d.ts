/** The part of svgcanvas that is used here; it has no types of its own. */
declare module "svgcanvas" {
  export class Context {
    constructor(width: number, height: number);
    getSerializedSvg(fixNamedEntities?: boolean): string;
  }
}
