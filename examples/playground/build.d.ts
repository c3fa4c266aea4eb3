/** Writes the page into `folder`, which is emptied first. */
export declare function buildPlayground(folder: string): Promise<void>;
