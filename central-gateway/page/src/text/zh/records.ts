import type {records as english} from '../en/records';

export const records: typeof english = {
  title: '记录',
  hint: '按研究、中心、受试者、访视、表单搜索，或在某一研究内按值搜索。',
  value: '值包含',
  valueNeedsStudy: '按值搜索须先选择研究。',
  none: '没有符合条件的记录。',
  partial: '目前只搜索了部分记录。',
  goOn: '继续搜索',
  inConflict: '有冲突',
  removed: '已删除',
  locked: '已锁定',
  found: '匹配',
  history: '历史',
  currentState: '当前内容',
  compareWith: '对比',
  compareNone: '在历史中选择一个修订，与当前内容对比。',
  changedItems: (n) => `${n} 项不同`,
  onlyChanged: '仅显示不同的数据项',
  empty: '当前修订不含任何数据项。',
  openConflict: '打开冲突',
};
