import type {errors as english} from '../en/errors';

export const errors: typeof english = {
  byCode: {
    unreachable: {title: '无法连接网关', todo: '请检查网络。网关恢复后页面会自动继续。'},
    unauthorized: {title: '未被接受', todo: '密码错误，或会话已结束。'},
    forbidden: {title: '您的账户无权执行此操作', todo: '如需此权限，请联系系统管理员。'},
    not_found: {title: '未找到', todo: '它不存在，或不在您的权限范围内。'},
    stale: {title: '记录已有新变化', todo: '请查看变化后重新裁定。'},
    claimed: {title: '他人正在处理', todo: '请处理其他冲突，或等待认领结束。'},
    field_invalid: {title: '有值不符合要求', todo: '请更正所指出的值。'},
    field_missing: {title: '缺少内容', todo: '请填写所指出的内容。'},
    reason_required: {title: '需要填写原因', todo: '请填写原因。'},
    already_exists: {title: '已经存在', todo: '请使用已有的，或换一个名称。'},
    needs_consent: {title: '须经中心同意', todo: '请将裁定提请中心确认。'},
    locked: {title: '记录已锁定', todo: '需先由总部解锁才能更改。'},
    too_large: {title: '一次提交过多', todo: '请减少一次提交的数量。'},
    too_many_attempts: {title: '尝试次数过多', todo: '请等一分钟后再试。'},
    busy: {title: '网关繁忙', todo: '请稍后再试。'},
    password_change_required: {title: '请先设置自己的密码', todo: '修改初始密码后再继续。'},
    unavailable: {title: '暂时不可用', todo: '请稍后再试。'},
    stopped: {title: '网关正在停止', todo: '请在其恢复后再试。'},
    internal: {title: '网关出错', todo: '请重试。若仍出错，请连同时间一并报告。'},
  },
  unknown: '操作未成功',
};
