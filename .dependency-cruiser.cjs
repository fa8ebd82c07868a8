// The way the data goes (docs/architecture.md): a stage may import itself and the model, never a sibling stage.
// Only the composition root (bridge.ts) and the command line (cli/) know more than one stage.
const stages = ['config', 'sip', 'recordings', 'uploads', 'zendesk', 'archive', 'erasure', 'migration', 'reconciliation', 'admin']

module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'model-imports-nothing',
      severity: 'error',
      from: { path: '^src/events/' },
      to: { path: '^src/', pathNot: '^src/events/' },
    },
    ...stages.map(stage => ({
      name: `${stage}-knows-only-itself-and-the-model`,
      severity: 'error',
      from: { path: `^src/${stage}/` },
      to: { path: '^src/', pathNot: `^src/(${stage}|events)/` },
    })),
    {
      name: 'config-knows-no-stage',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/', pathNot: '^src/config/' },
    },
    {
      name: 'sip-server-knows-no-application',
      comment: 'drachtio-srf connects to the embedded server over its control port, as it would to a drachtio-server.',
      severity: 'error',
      from: { path: '^src/sip/embedded/' },
      to: { path: '^src/|node_modules/drachtio-srf', pathNot: '^src/sip/(embedded|message)/' },
    },
    {
      name: 'sandbox-is-a-server-of-its-own',
      severity: 'error',
      from: { path: '^src/zendesk/sandbox/' },
      to: { path: '^src/', pathNot: '^src/zendesk/(sandbox|wire)/' },
    },
    {
      name: 'nobody-imports-the-command-line',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|main\\.ts)' },
      to: { path: '^src/cli/' },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
