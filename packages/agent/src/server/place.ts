/** Where a server listens: what its address is, and what that means for the requests that come in. */
export interface Place {
  address: string;
  /** What a request may name as its Host. */
  authorities(connection: { localAddress?: string | undefined }): string[];
  binding(authority: string): string;
  /** What is left to take away when the server is closed. */
  remove(): void;
}
