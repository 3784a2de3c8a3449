import type {audit as english} from '../en/audit';

export const audit: typeof english = {
  title: '稽查轨迹',
  number: '序号',
  actor: '人员',
  action: '操作',
  object: '对象',
  detail: '详情',
  hash: '哈希',
  from: '起',
  to: '止',
  objectHint: '须完全一致：记录键、边缘节点或用户',
  actionHint: '须完全一致，或以点号结尾的前缀',
  none: '没有符合条件的条目。',
  story: (object) => `${object} 的轨迹`,
  storyEnd: '显示全部轨迹',
  toRecord: '查看记录',
  verify: '验证链条',
  verifying: '正在重新计算整条链…',
  verifyGood: (n) => `链条完整：重新计算 ${n} 条，全部一致。`,
  verifyBad: (n, findings) => `重新计算 ${n} 条，发现 ${findings} 处问题：`,
  checkpoint: '检查点',
  checkpointHint:
    '由网关签名的链首。请另行保存该文件；日后可用 “central-gateway audit check-checkpoint FILE” 核对轨迹。',
  checkpointDone: (n) => `已保存覆盖 ${n} 条的检查点。`,
};
