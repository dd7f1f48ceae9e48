export const CONTENT_POLICY: string;
export const POLICY_HEADERS: Readonly<Record<string, string>>;
