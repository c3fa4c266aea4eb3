/** The part of svgcanvas that is used here. The package has no types. */
declare module "svgcanvas" {
  export class Context {
    constructor(width: number, height: number);
    getSerializedSvg(fixNamedEntities?: boolean): string;
  }
}
