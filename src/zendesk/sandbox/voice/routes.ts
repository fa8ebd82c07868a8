/** The Voice API below its path, ticket making aside: deliveries, what became of them, and provisioning. */
import type { FastifyInstance } from 'fastify'
import { type AgentParts, agentRoutes } from './agents/agent-routes.ts'
import { type RecordingParts, recordingRoutes } from './audio/recording-routes.ts'
import { type VoicemailParts, voicemailRoutes } from './audio/voicemail-routes.ts'
import { type CallParts, callRoutes } from './calls/call-routes.ts'
import { type DeliveryParts, deliveryRoutes } from './deliveries/delivery-routes.ts'
import { type ProvisioningParts, provisioningRoutes } from './provisioning/provisioning-routes.ts'
import { type QueueParts, queueRoutes } from './queues/queue-routes.ts'

export interface VoiceParts
  extends DeliveryParts,
    CallParts,
    RecordingParts,
    VoicemailParts,
    ProvisioningParts,
    AgentParts,
    QueueParts {}

/** Registers them below the Voice API's path; the token and the budget are checked before. */
export function voiceRoutes(app: FastifyInstance, parts: VoiceParts): void {
  deliveryRoutes(app, parts)
  callRoutes(app, parts)
  recordingRoutes(app, parts)
  voicemailRoutes(app, parts)
  provisioningRoutes(app, parts)
  agentRoutes(app, parts)
  queueRoutes(app, parts)
}
