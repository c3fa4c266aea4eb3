/** Writes the page into `folder`, which is emptied first; with a link to `home` where the page is part of a site. */
export declare function buildPlayground(folder: string, home?: string): Promise<void>;
