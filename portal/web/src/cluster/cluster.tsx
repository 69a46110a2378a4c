// SPDX-License-Identifier: Apache-2.0
export function Cluster(_: {rest: string[]}) { return <p>…</p>; }
