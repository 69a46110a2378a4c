// SPDX-License-Identifier: Apache-2.0
// Names for what portal/openapi.yaml describes; the page has no other words for it.
import type {components, operations} from './schema';

type Schemas = components['schemas'];

export type ApprovalQuestion = Schemas['ApprovalQuestion'];
export type ApprovalState = Schemas['ApprovalState'];
export type ArchiveState = Schemas['ArchiveState'];
export type ClusterStatus = Schemas['ClusterStatus'];
export type FieldError = Schemas['FieldError'];
export type JobDetail = Schemas['JobDetail'];
export type JobEvent = Schemas['Event'];
export type JobList = Schemas['JobList'];
export type JobManifest = Schemas['JobManifest'];
export type JobMetrics = Schemas['JobMetrics'];
export type JobRow = Schemas['JobRow'];
export type LogGap = Schemas['LogGap'];
export type LogLine = Schemas['LogLine'];
export type LogSource = Schemas['LogSource'];
export type LogState = Schemas['LogState'];
export type Me = Schemas['Me'];
export type MetricName = Schemas['MetricName'];
export type NamespaceRights = Schemas['NamespaceRights'];
export type Node = Schemas['Node'];
export type NodeState = Schemas['NodeState'];
export type PendingClass = Schemas['PendingClass'];
export type Phase = Schemas['Phase'];
export type PodRow = Schemas['PodRow'];
export type PodState = Schemas['PodState'];
export type Problem = Schemas['Problem'];
export type Session = Schemas['Session'];
export type Storage = Schemas['Storage'];
export type StreamEnd = Schemas['StreamEnd'];
export type Template = Schemas['Template'];
export type TemplateRow = Schemas['TemplateRow'];
export type TimelineStep = Schemas['TimelineStep'];

export type JobSort = NonNullable<NonNullable<operations['ListJobs']['parameters']['query']>['sort']>;
export type ListJobsQuery = NonNullable<operations['ListJobs']['parameters']['query']>;

/** Events of StreamUpdates by name (x-events of the contract, which the generator does not read). */
export interface UpdateEvents {
    hello: Schemas['StreamHello'];
    row: Schemas['StreamRow'];
    gone: Schemas['StreamGone'];
    detail: Schemas['StreamDetail'];
    pod: Schemas['StreamPod'];
    cluster: Schemas['StreamCluster'];
    approvals: Schemas['StreamApprovals'];
    reset: Schemas['StreamReset'];
    stale: Schemas['StreamStale'];
    denied: Schemas['StreamDenied'];
    end: Schemas['StreamEnd'];
}

export const PHASES: readonly Phase[] = [
    'AwaitingApproval', 'Queued', 'Starting', 'Running', 'Restarting', 'Suspended', 'Stopping', 'Succeeded', 'Failed', 'Stopped'];
export const PENDING: readonly PendingClass[] = ['Wait', 'Ask', 'Change'];
export const SORTS: readonly JobSort[] = [
    'created', '-created', 'changed', '-changed', 'name', '-name', 'owner', '-owner', 'phase', '-phase', 'gpus', '-gpus'];
