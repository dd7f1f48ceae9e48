export declare const CHROMIUM_FLAGS: readonly string[];
export declare function findChromium(): Promise<string | undefined>;
export declare function ensureChromium(): Promise<void>;
