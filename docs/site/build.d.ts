/** Writes the site into `folder`, which is emptied first, with the reports of the folder `report`. */
export declare function buildSite(folder: string, report: string): Promise<void>;
